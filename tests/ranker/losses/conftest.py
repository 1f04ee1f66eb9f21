"""One step's queries, labels and items, and the check of a sampled loss on them against its formula in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue

COUNTS = np.array([40, 20, 10, 9, 5, 4, 3, 2, 1])
N, WIDTH, ROWS = len(COUNTS), 4, 6
DRAW = np.random.default_rng(2)
QUERIES, ITEMS, BIAS = DRAW.normal(size=(ROWS, WIDTH)), DRAW.normal(size=(N, WIDTH)), DRAW.normal(size=N)
LABELS, WEIGHTS = np.array([0, 3, 8, 3, 1, 0]), np.array([1.0, 2.0, 0.0, 0.5, 1.0, 1.5])
ADDED = DRAW.normal(size=(ROWS, N))
ADDED[0, 1:4] = ADDED[2, :5] = ADDED[3, [0, 6]] = -np.inf  # labels stay
ADDED[4] = np.where(np.arange(N) == LABELS[4], 0.3, -np.inf)  # nothing but the label
STEPS = 3


@pytest.fixture
def catalogue():
    return Catalogue(np.array([f"i{n}" for n in range(N)]), COUNTS, 0, gaps=0, window=4, mask_seen=False)


@pytest.fixture
def check():
    """check(loss, formula, adjusted, scale): several steps of a loss, and its gradients, are what the formula says.

    formula(own, others) takes a label's score and those of its negatives, float64, and gives the position's loss.
    """
    return _check


def _check(loss, formula, adjusted=False, scale=1.0):
    added = ADDED if adjusted else np.zeros([ROWS, N])
    state = loss.get_weights()
    drawn = [loss.sampler.columns(tf.constant(LABELS), tf.constant(WEIGHTS)).numpy() for _ in range(STEPS)]
    assert any(set(LABELS) & set(columns) for columns in drawn)  # so that labels among the drawn are tried
    loss.set_weights(state)
    step = tf.function(_value_and_gradients).get_concrete_function(loss, adjusted, scale)
    for columns in drawn:
        value, *gradients = step()
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, _expected(formula, columns, added, scale, BIAS), rtol=2e-5)
        assert all(np.isfinite(gradient).all() for gradient in gradients)
        slopes = [_slope(formula, columns, added, scale, n) for n in range(N)]
        np.testing.assert_allclose(gradients[-1], slopes, rtol=1e-3, atol=1e-5)


def _value_and_gradients(loss, adjusted, scale):
    queries, items, bias = (tf.constant(value, tf.float32) for value in (QUERIES * scale, ITEMS, BIAS))
    added = tf.constant(ADDED, tf.float32)

    def adjust(columns):
        return tf.gather(added, columns, axis=1, batch_dims=columns.shape.rank - 1)

    with tf.GradientTape() as tape:
        tape.watch([queries, items, bias])
        weights = tf.constant(WEIGHTS, tf.float32)
        value = loss(queries, tf.constant(LABELS), weights, items, bias, adjust if adjusted else None)
    return value, *tape.gradient(value, [queries, items, bias])


def _expected(formula, columns, added, scale, bias):
    total = 0.0
    for row, label in enumerate(LABELS):
        scores = (scale * QUERIES[row]) @ ITEMS.T + bias + added[row]
        others = [scores[column] for column in columns if column != label and scores[column] > -np.inf]
        total += WEIGHTS[row] * formula(scores[label], np.array(others))
    return total


def _slope(formula, columns, added, scale, n):
    """Of the sum along the n-th bias, by a central difference."""
    step = 1e-5 * (np.arange(N) == n)
    higher, lower = (_expected(formula, columns, added, scale, BIAS + sign * step) for sign in (1, -1))
    return (higher - lower) / 2e-5
