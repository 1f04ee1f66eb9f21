"""gBCE is the paper's formula up to its constants, calibrated as it says."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.losses import gbce


def softplus(x):
    return np.logaddexp(0.0, x)


def formula(beta, k):
    offset = np.log(beta / k)
    return lambda own, others: beta * softplus(-own - offset) + np.sum(softplus(others + offset))


# alpha = 4 / 8, of nine items; beta = alpha (t (1 - 1 / alpha) + 1 / alpha)
@pytest.mark.parametrize(("calibration", "beta"), [(0.0, 1.0), (0.75, 0.5 * (0.75 * (1 - 2) + 2)), (1.0, 0.5)])
@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_loss_and_gradients_are_the_formula(catalogue, check, calibration, beta, adjusted, scale):
    loss = gbce.build(gbce.Options(negatives=4, calibration=calibration), catalogue)
    check(loss, formula(beta, 4), adjusted, scale)


@pytest.mark.parametrize("count", [9, 50])
def test_whole_catalogue_needs_no_calibration(catalogue, check, count):
    check(gbce.build(gbce.Options(negatives=count, calibration=1.0), catalogue), formula(1.0, 8))


def test_scores_of_popularity_are_where_nothing_pulls(catalogue):
    # With all drawn and t = 1 the best sigmoid(z_i + c) is p_i; the odds of the average item are e^c = 1 / 8.
    loss = gbce.build(gbce.Options(negatives=9, calibration=1.0), catalogue)
    share = catalogue.counts / catalogue.counts.sum()
    labels, bias = (
        np.repeat(np.arange(9), catalogue.counts),
        tf.Variable(np.log(8 * share / (1 - share)), dtype=tf.float32),
    )
    with tf.GradientTape() as tape:
        value = loss(tf.zeros([len(labels), 1]), tf.constant(labels), tf.ones([len(labels)]), tf.zeros([9, 1]), bias)
    np.testing.assert_allclose(tape.gradient(value, bias), np.zeros(9), atol=1e-4)
