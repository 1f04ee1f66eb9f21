"""Binary cross-entropy is its formula, and its scores are the logits of the probability that it names."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.losses import binary_cross_entropy


def softplus(x):
    return np.logaddexp(0.0, x)


def formula(ratio):
    return lambda own, others: softplus(-own) + (ratio * np.mean(softplus(others)) if len(others) else 0.0)


@pytest.mark.parametrize("ratio", [1.0, 4.0])
@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_loss_and_gradients_are_the_formula(catalogue, check, ratio, adjusted, scale):
    options = binary_cross_entropy.Options(negatives=4, ratio=ratio)
    check(binary_cross_entropy.build(options, catalogue), formula(ratio), adjusted, scale)


@pytest.mark.parametrize("ratio", [1.0, 4.0])
def test_trained_scores_are_calibrated_to_the_ratio(catalogue, ratio):
    loss = binary_cross_entropy.build(binary_cross_entropy.Options(ratio=ratio), catalogue)
    labels = np.repeat(np.arange(9), catalogue.counts)
    bias, queries, items = tf.Variable(tf.zeros([9])), tf.zeros([len(labels), 1]), tf.zeros([9, 1])
    optimizer = tf.keras.optimizers.SGD(1.0)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            value = loss(queries, tf.constant(labels), tf.ones([len(labels)]), items, bias) / len(labels)
        optimizer.apply_gradients([(tape.gradient(value, bias), bias)])

    for _ in range(600):
        step()
    # Of the other eight items, each is as likely a negative; an item's own positions draw it never.
    share = catalogue.counts / len(labels)
    np.testing.assert_allclose(tf.sigmoid(bias), share / (share + ratio * (1 - share) / 8), atol=0.01)
