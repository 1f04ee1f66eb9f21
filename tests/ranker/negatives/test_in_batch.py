"""Draws from the step take the labels that count, each position alike."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.losses import sampled_softmax
from ranker.negatives import in_batch

COUNTS = np.array([6, 3, 2, 1, 1, 1, 1, 1])


@pytest.fixture
def catalogue():
    return Catalogue(np.array([f"i{n}" for n in range(len(COUNTS))]), COUNTS, 0, 0, 3, mask_seen=False)


def drawn(catalogue, labels, weights, count):
    sampler = in_batch.build(in_batch.Options(count=count), catalogue)
    columns = tf.function(sampler.columns)
    labels, weights = tf.constant(labels, tf.int64), tf.constant(weights, tf.float32)
    return np.concatenate([columns(labels, weights).numpy() for _ in range(300)])


def test_each_position_that_counts_is_taken_alike_however_much_it_weighs(catalogue):
    found = np.bincount(drawn(catalogue, [5, 2, 2, 7, 0], [1.0, 0.1, 9.0, 0.0, 1.0], 2), minlength=8)
    np.testing.assert_allclose(found / 600, [0.25, 0, 0.5, 0, 0, 0.25, 0, 0], atol=0.07)


def test_fewer_labels_than_draws_come_several_times_each(catalogue):
    found = drawn(catalogue, [4, 6], [1.0, 1.0], 6).reshape(-1, 6)
    np.testing.assert_array_equal(found, np.tile([4, 4, 4, 6, 6, 6], [len(found), 1]))  # from six equal parts


def test_an_items_share_of_the_labels_is_its_share_of_training(catalogue):
    sampler = in_batch.build(in_batch.Options(count=4), catalogue)
    np.testing.assert_allclose(sampler.expected, 4 * COUNTS / COUNTS.sum())


@pytest.mark.parametrize("positions", [0, 3])
def test_a_step_without_labels_adds_nothing_and_breaks_nothing(catalogue, positions):
    options = sampled_softmax.Options(negatives={"name": "in_batch", "count": 4})
    loss = sampled_softmax.build(options, catalogue)
    queries, labels = tf.zeros([positions, 2]), tf.zeros([positions], tf.int64)
    assert float(loss(queries, labels, tf.zeros([positions]), tf.ones([8, 2]), tf.zeros([8]))) == 0.0
