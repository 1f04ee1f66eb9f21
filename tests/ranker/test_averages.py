"""Running averages beside an architecture."""

import numpy as np
import tensorflow as tf

from ranker.averages import Averages, RecurrentAverages, with_averages
from ranker.layers import RecurrentStack

DECAYS = (0.0, 0.5)


class Nothing(tf.keras.layers.Layer):
    """An architecture that puts out zeros."""

    def call(self, inputs, training=False):
        return tf.zeros_like(inputs)


def test_average_of_each_decay_is_weighed_and_added():
    x = np.array([[[1.0], [3.0], [7.0]]], np.float32)
    layer = with_averages(Nothing(), 1, DECAYS)
    assert type(layer) is Averages
    layer(x)
    layer.weigh.set_weights([np.array([[10.0], [1.0]], np.float32)])
    averages = [1.0, (3 + 0.5 * 1) / 1.5, (7 + 0.5 * 3 + 0.25 * 1) / 1.75]
    np.testing.assert_allclose(layer(x)[0, :, 0], [10 * 1 + averages[0], 10 * 3 + averages[1], 10 * 7 + averages[2]])


def test_steps_one_by_one_give_what_the_whole_history_gives():
    tf.keras.utils.set_random_seed(1)
    lstm = RecurrentStack([tf.keras.layers.LSTM(4, return_sequences=True)], [4, 4], 3, 0.0)
    layer = with_averages(lstm, 3, DECAYS)
    assert isinstance(layer, RecurrentAverages)
    x = np.random.default_rng(0).normal(size=[2, 5, 3]).astype(np.float32)
    whole = layer(x)
    states = [tf.zeros([2, size]) for size in layer.state_sizes]
    for t in range(5):
        states = layer.step(tf.constant(x[:, t]), states)
        np.testing.assert_allclose(layer.output(states), whole[:, t], rtol=1e-5, atol=1e-6)
