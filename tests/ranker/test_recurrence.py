"""The LSTM of trainings on a CPU, against Keras' own."""

import numpy as np
import pytest
import tensorflow as tf

from ranker import recurrence
from ranker.layers import RecurrentStack

WIDTH, UNITS = 3, 4


@pytest.fixture
def layer():
    tf.keras.utils.set_random_seed(1)
    made = tf.keras.layers.LSTM(UNITS, return_sequences=True)
    made.build(tf.TensorShape([None, None, WIDTH]))
    made.cell.bias.assign(tf.random.normal([4 * UNITS]))
    return made


def drawn(*shape):
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("rows", "length"), [(2, 1), (1, 2), (5, 7)])
def test_outputs_and_gradients_are_those_of_keras(layer, rows, length, compiled):
    inputs, slopes = drawn(rows, length, WIDTH), drawn(rows, length, UNITS)

    def both(call):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = call(inputs)
            total = tf.reduce_sum(outputs * slopes)
        return [outputs, *tape.gradient(total, [inputs, *layer.trainable_weights])]

    ours = tf.function(both) if compiled else both
    for found, expected in zip(ours(lambda x: recurrence.outputs(layer.cell, x)), both(layer), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_it_stands_in_for_a_built_lstm_in_single_precision_where_no_gpu_is(layer, monkeypatch):
    inputs = drawn(2, 3, WIDTH)
    assert recurrence.takes(layer, inputs)
    assert not recurrence.takes(layer, tf.cast(inputs, tf.bfloat16))
    assert not recurrence.takes(tf.keras.layers.LSTM(UNITS), inputs)
    gru = tf.keras.layers.GRU(UNITS)
    gru.build(tf.TensorShape([None, None, WIDTH]))
    assert not recurrence.takes(gru, inputs)
    monkeypatch.setattr(recurrence, "_gpus", lambda: ["a GPU"])
    assert not recurrence.takes(layer, inputs)


def test_a_stack_trains_with_it_and_answers_with_keras_layer(layer, monkeypatch):
    stack, calls = RecurrentStack([layer], [UNITS, UNITS], WIDTH, 0.0), []
    inputs = drawn(2, 3, WIDTH)
    answered = stack(inputs)
    original = recurrence.outputs
    monkeypatch.setattr(recurrence, "outputs", lambda *given: calls.append(1) or original(*given))
    trained = stack(inputs, training=True)
    assert calls == [1]
    np.testing.assert_allclose(trained, answered, rtol=1e-5, atol=1e-6)
    stack(inputs)
    assert calls == [1]


def test_a_stack_trains_with_it_where_recurrent_weights_are_dropped(layer, monkeypatch):
    stack = RecurrentStack([layer], [UNITS, UNITS], WIDTH, 0.0, recurrent_dropout=0.5)
    inputs = drawn(2, 3, WIDTH)
    stack(inputs)
    state = stack.thinned[0].get_weights()
    ours = stack(inputs, training=True)
    stack.thinned[0].set_weights(state)  # the same weights are dropped again
    monkeypatch.setattr(recurrence, "_gpus", lambda: ["a GPU"])
    np.testing.assert_allclose(ours, stack(inputs, training=True), rtol=1e-5, atol=1e-6)
