"""Means since the last pause."""

import numpy as np
import tensorflow as tf

from ranker.bursts import Bursts

GAPS = tf.constant([[0, 1, 2, 1, 3], [0, 0, 0, 0, 0]], tf.int64)
VALUES = np.array([[1.0], [3.0], [8.0], [6.0], [5.0]], np.float32)


def test_each_mean_begins_anew_after_its_pause():
    layer = Bursts(1, (1, 2))
    x = tf.constant(np.stack([VALUES, VALUES]))
    layer(x, GAPS)
    layer.weigh.set_weights([np.array([[100.0], [1.0]], np.float32)])
    short, long = np.array([1, 2, 8, 7, 5]), np.array([1, 2, 4, 4.5, 5])
    plain = np.cumsum(VALUES[:, 0]) / np.arange(1, 6)
    np.testing.assert_allclose(layer(x, GAPS)[:, :, 0], [100 * short + long, 101 * plain], rtol=1e-6)


def test_steps_one_by_one_give_what_the_whole_history_gives():
    tf.keras.utils.set_random_seed(1)
    layer = Bursts(3, (1, 2))
    x = tf.constant(np.random.default_rng(0).normal(size=[2, 5, 3]).astype(np.float32))
    whole = layer(x, GAPS)
    states = [tf.zeros([2, size]) for size in layer.state_sizes]
    for t in range(5):
        states = layer.step(x[:, t], GAPS[:, t], states)
        np.testing.assert_allclose(layer.output(states), whole[:, t], rtol=1e-5, atol=1e-6)
