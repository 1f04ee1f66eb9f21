"""Counts of operations against formulas."""

import pytest
import tensorflow as tf

from benchmarks.operations import count

ROWS, LENGTH, WIDTH, UNITS = 4, 10, 8, 16


def test_an_lstm_is_counted_once_a_position_and_its_gradient_too():
    layer = tf.keras.layers.LSTM(UNITS, return_sequences=True)
    inputs = tf.ones([ROWS, LENGTH, WIDTH])
    layer(inputs)
    both = 2 * ROWS * (WIDTH + UNITS) * 4 * UNITS  # of one position: inputs and states to four gates
    forth = (LENGTH + 1) * both
    assert count(lambda: layer(inputs)).matrix == forth

    def gradient():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(inputs))
        return tape.gradient(loss, layer.trainable_variables)

    states = 2 * ROWS * UNITS * 4 * UNITS  # the way back: both matrices, and states at every position but the first
    assert count(gradient).matrix == forth + LENGTH * both + (LENGTH - 1) * states


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (lambda: tf.matmul(tf.ones([3, 5]), tf.ones([7, 5]), transpose_b=True), 2 * 3 * 5 * 7),
        (lambda: tf.matmul(tf.ones([2, 5, 3]), tf.ones([2, 5, 7]), transpose_a=True), 2 * 2 * 3 * 5 * 7),
        (lambda: tf.einsum("trs,bsd->btrd", tf.ones([5, 2, 5]), tf.ones([3, 5, 7])), 2 * 5 * 2 * 5 * 3 * 7),
        (lambda: tf.function(tf.matmul)(tf.ones([3, 5]), tf.ones([5, 7])), 2 * 3 * 5 * 7),
        (lambda: tf.ones([3, 5]) + 1.0, 0),
    ],
)
def test_each_kind_of_product_is_counted(work, expected):
    assert count(work).matrix == expected


def test_bytes_are_what_is_read_and_written_and_rows_of_a_gather_alone():
    table, other = tf.ones([1000, 4]), tf.ones([3, 4])
    assert count(lambda: tf.add(other, other)).by_kind["AddV2"] == 3 * 3 * 4 * 4
    assert count(lambda: tf.gather(table, [1, 2, 3])).by_kind["GatherV2"] == 2 * 3 * 4 * 4
    assert count(lambda: tf.reshape(table, [-1])).by_kind["Reshape"] == 0


def test_functions_are_compiled_again_afterwards():
    count(lambda: None)
    assert not tf.config.functions_run_eagerly()
