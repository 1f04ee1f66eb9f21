"""What recurrent architectures share: steps, cuDNN's conditions, dropped recurrent weights, residuals."""

import numpy as np
import pytest
import tensorflow as tf
from tf_keras.src.layers.rnn import gru_lstm_utils

from ranker import recurrence, registry
from ranker.layers import Residual, with_residual

WIDTH, ROWS, LENGTH = 4, 3, 5
RECURRENT = ["lstm", "gru"]
KNOBS = [{}, {"layers": 2}, {"layers": 3, "residual": True, "layer_norm": True}, {"recurrent_dropout": 0.5}]


def build(name, dropout=0.0, **knobs):
    module = registry.load("architectures", name)
    layer = module.build(module.Options(units=6, **knobs), WIDTH, dropout, LENGTH)
    layer(inputs())
    return layer


def inputs():
    return tf.constant(np.random.default_rng(0).normal(size=[ROWS, LENGTH, WIDTH]), tf.float32)


@pytest.fixture(params=RECURRENT)
def name(request):
    tf.keras.utils.set_random_seed(1)
    return request.param


@pytest.mark.parametrize("knobs", KNOBS)
def test_steps_one_by_one_give_what_the_whole_history_gives(name, knobs):
    layer = with_residual(build(name, **knobs), WIDTH)
    layer.scale.assign([1.0, 0.5, 0.0, -2.0])
    whole, states = layer(inputs()), [tf.zeros([ROWS, size]) for size in layer.state_sizes]
    for t, x in enumerate(tf.unstack(inputs(), axis=1)):
        states = layer.step(x, states)
        assert [state.shape[1] for state in states] == list(layer.state_sizes)
        np.testing.assert_allclose(layer.output(states), whole[:, t], rtol=1e-4, atol=1e-6)


# --- cuDNN's kernel: the conditions of tf_keras/src/layers/rnn/{lstm,gru,gru_lstm_utils}.py -----------------------


@pytest.mark.parametrize("knobs", KNOBS)
def test_every_layer_meets_keras_conditions_for_cudnn(name, knobs):
    stack = build(name, **knobs)
    assert len(stack.layers) == knobs.get("layers", 1)
    for layer in stack.layers:
        assert layer._could_use_gpu_kernel
        settings = layer.get_config()
        assert (settings["activation"], settings["recurrent_activation"]) == ("tanh", "sigmoid")
        assert (settings["recurrent_dropout"], settings["unroll"], settings["use_bias"]) == (0, False, True)
        assert settings.get("reset_after", True)  # a GRU's


@pytest.mark.parametrize("training", [False, True])
def test_the_graph_offers_a_gpu_cudnns_kernel_without_looking_at_a_mask(name, training, monkeypatch):
    monkeypatch.setattr(recurrence, "_gpus", lambda: ["a GPU"])  # without one, ranker.recurrence trains an LSTM
    stack = build(name, layers=2, recurrent_dropout=0.2)
    graph = tf.function(lambda x: stack(x, training=training)).get_concrete_function(inputs()).graph.as_graph_def()
    offered = [each for each in graph.library.function if each.attr["api_preferred_device"].s == b"GPU"]
    operations = [{node.op for node in each.node_def} for each in offered]
    # TensorFlow 2.16 has the one where there is no mask, 2.21 the other, told that every row is full.
    forward = [found for found in operations if found & {"CudnnRNN", "CudnnRNNV3"}]
    assert len(forward) >= 2  # at least one a layer
    assert all("Fill" in found for found in forward if "CudnnRNNV3" in found)
    # With a mask, the kernel would stand inside a choice that looks at it.
    assert not {"If", "StatelessIf"} & set.union(*operations)


def test_padding_on_the_right_is_what_cudnn_takes_for_a_mask_and_no_mask_answers_the_same(name):
    history = tf.constant([[2, 3, 4, 5, 6], [2, 3, 0, 0, 0], [2, 0, 0, 0, 0]])
    mask = history != 0
    assert bool(gru_lstm_utils.is_sequence_right_padded(mask))
    assert bool(gru_lstm_utils.is_cudnn_supported_inputs(mask, time_major=False, sequence_lengths=None))
    layer = build(name).layers[0]
    plain, masked = layer(inputs()), layer(inputs(), mask=mask)
    np.testing.assert_allclose(plain[mask], masked[mask], rtol=1e-6)


def test_a_mask_of_an_empty_history_would_leave_cudnn_and_none_does_not():
    mask = tf.constant([[True, False], [False, False]])
    assert not bool(gru_lstm_utils.is_cudnn_supported_inputs(mask, time_major=False, sequence_lengths=None))
    assert gru_lstm_utils.is_cudnn_supported_inputs(None, time_major=False, sequence_lengths=None) is True


# --- Dropped recurrent weights ----------------------------------------------------------------------------------


def test_recurrent_weights_are_dropped_in_training_alone_by_another_lot_each_time(name):
    stack = build(name, recurrent_dropout=0.5)
    whole = stack.layers[0].cell.recurrent_kernel
    first, second = (stack(inputs(), training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-4
    np.testing.assert_allclose(first[:, 0], second[:, 0], rtol=1e-6)  # nothing stands before the first position
    np.testing.assert_array_equal(stack(inputs()), stack(inputs()))
    assert stack.layers[0].cell.recurrent_kernel is whole
    assert any(variable is whole for variable in stack.trainable_weights)


def test_dropped_recurrent_weights_are_as_if_they_were_zero_and_the_others_larger(name, monkeypatch):
    monkeypatch.setattr(recurrence, "_gpus", lambda: ["a GPU"])  # the same layer trained and asked
    stack = build(name, recurrent_dropout=0.5)
    weights = stack.get_weights()
    stack.thinned[0].set_weights([state := stack.thinned[0].get_weights()[0]])
    trained = stack(inputs(), training=True)
    stack.thinned[0].set_weights([state])
    kernel = stack.layers[0].cell.recurrent_kernel
    kernel.assign(stack.thinned[0](tf.convert_to_tensor(kernel), training=True))
    assert 0.2 < np.mean(kernel.numpy() == 0) < 0.8
    np.testing.assert_allclose(stack(inputs()), trained, rtol=1e-6)
    assert len(weights) == len(stack.get_weights())


def test_gradients_reach_only_the_recurrent_weights_that_are_there(name):
    stack = build(name, recurrent_dropout=0.5)
    kernel = stack.layers[0].cell.recurrent_kernel
    state = stack.thinned[0].get_weights()
    there = stack.thinned[0](tf.ones_like(kernel), training=True).numpy() > 0
    stack.thinned[0].set_weights(state)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(stack(inputs(), training=True) ** 2)
    gradient = tape.gradient(loss, kernel).numpy()
    assert np.all(gradient[~there] == 0)
    assert np.count_nonzero(gradient[there]) > 0.9 * there.sum()


@pytest.mark.parametrize("xla", [False, True])
def test_a_stack_that_was_not_called_before_can_be_trained(name, xla):
    module = registry.load("architectures", name)
    stack = module.build(module.Options(units=6, layers=2, recurrent_dropout=0.5), WIDTH, 0.1, LENGTH)
    assert stack(inputs(), training=True).shape == inputs().shape


# --- Residual ---------------------------------------------------------------------------------------------------


def test_input_is_added_to_the_output_with_a_weight_that_begins_at_one():
    inner = tf.keras.layers.Lambda(lambda x: 10.0 * x)
    layer = with_residual(inner, 2)
    assert type(layer) is Residual
    np.testing.assert_allclose(layer(tf.constant([[[1.0, 2.0]]])), [[[11.0, 22.0]]])
    layer.scale.assign([0.0, 3.0])
    np.testing.assert_allclose(layer(tf.constant([[[1.0, 2.0]]])), [[[10.0, 26.0]]])
