"""Gains and times of publication, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.age import Age

HOUR = 3_600_000  # milliseconds
NOW = 450_000 * HOUR
PUBLISHED = np.array([NOW - 10 * HOUR, 0, NOW - 2 * HOUR, NOW])  # the median of the known ones: two hours ago


@pytest.fixture
def age():
    built = Age(PUBLISHED)
    built.slope.assign(-0.2)  # ten times it
    return built


def times(*values):
    return tf.constant(values, tf.int64)


def test_gain_is_the_slope_times_the_logarithm_of_hours_and_unknown_ones_are_as_old_as_the_median(age):
    found = age.at(times(NOW, NOW - HOUR)).gain(tf.range(4))
    np.testing.assert_allclose(found, -2 * np.log1p([[10, 2, 2, 0], [9, 1, 1, 0]]), rtol=1e-5)


def test_share_scales_each_query(age):
    found = age.at(times(NOW, NOW), share=tf.constant([0.0, 1.0])).gain(tf.range(1))
    np.testing.assert_allclose(found, [[0.0], [-2 * np.log(11)]], rtol=1e-5)


def test_what_is_yet_to_come_is_no_candidate_to_the_millisecond_and_unknown_times_always_are(age):
    aged = age.at(times(NOW - 1, NOW, NOW - 10 * HOUR - 1, 0))
    expected = [[0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0]]  # time 0: asked when the newest is published
    np.testing.assert_array_equal(aged.unpublished(tf.range(4)), np.array(expected, bool))


def test_columns_of_each_query_are_its_own(age):
    aged, every = age.at(times(NOW, NOW - HOUR)), age.at(times(NOW, NOW - HOUR)).adjust(tf.range(4)).numpy()
    own = aged.adjust(tf.constant([[3, 0], [2, 3]]))
    np.testing.assert_array_equal(own, [[every[0, 3], every[0, 0]], [every[1, 2], -np.inf]])


def test_a_label_is_a_candidate_though_its_publication_is_said_to_come(age):
    aged = age.at_labels(times(NOW - 5 * HOUR, NOW - 5 * HOUR), times(3, 0))
    np.testing.assert_array_equal(np.isinf(aged.adjust(tf.range(4))), [[False] * 4, [False, False, True, True]])


def test_slope_has_a_gradient(age):
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(age.at(times(NOW)).gain(tf.range(4)))
    np.testing.assert_allclose(tape.gradient(total, age.slope), 10 * np.log1p([10, 2, 2, 0]).sum(), rtol=1e-5)
