"""The loss against its formula, with and without adjusted logits."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.losses import cross_entropy

ITEMS, WIDTH, ROWS = 7, 4, 5
CATALOGUE = Catalogue(np.array([f"i{n}" for n in range(ITEMS)]), np.ones(ITEMS, np.int64), 0, 0, 3, mask_seen=False)
DRAW = np.random.default_rng(1)
QUERIES, VECTORS = DRAW.normal(size=(ROWS, WIDTH)), DRAW.normal(size=(ITEMS, WIDTH))
BIAS, LABELS, WEIGHTS = DRAW.normal(size=ITEMS), np.array([0, 3, 6, 3, 1]), np.array([1.0, 2.0, 0.0, 0.5, 1.0])
ADDED = DRAW.normal(size=(ROWS, ITEMS))
ADDED[0, 1:4] = ADDED[2, :5] = ADDED[3, [0, 6]] = -np.inf  # labels stay
ADDED[4] = np.where(np.arange(ITEMS) == LABELS[4], 0.3, -np.inf)  # nothing but the label


def expected(smoothing, added):
    """Cross-entropy against (1 - s) at the label plus s / n at each of the row's n candidates, weighed and summed."""
    total = 0.0
    for row, label in enumerate(LABELS):
        logits = QUERIES[row] @ VECTORS.T + BIAS + added[row]
        there = logits > -np.inf
        target = smoothing * there / there.sum() + (1 - smoothing) * (np.arange(ITEMS) == label)
        log_share = logits - np.log(np.sum(np.exp(logits)))
        total -= WEIGHTS[row] * np.sum(target[there] * log_share[there])
    return total


def tensors():
    floats = [tf.constant(value, tf.float32) for value in (QUERIES, WEIGHTS, VECTORS, BIAS)]
    return floats[0], tf.constant(LABELS, tf.int64), *floats[1:]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("added", [None, ADDED], ids=["plain", "adjusted"])
def test_loss_is_the_cross_entropy_over_the_candidates(smoothing, added):
    loss = cross_entropy.build(cross_entropy.Options(label_smoothing=smoothing), CATALOGUE)
    adjust = None if added is None else lambda columns: tf.constant(added, tf.float32)
    found = tf.function(loss)(*tensors(), adjust)
    np.testing.assert_allclose(
        found, expected(smoothing, np.zeros([ROWS, ITEMS]) if added is None else added), rtol=1e-5
    )


def test_gradients_pass_through_what_is_added_and_stay_finite():
    loss = cross_entropy.build(cross_entropy.Options(), CATALOGUE)
    queries, *others = tensors()
    slope = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch([queries, slope])
        finite = tf.constant(np.where(np.isinf(ADDED), 0.0, ADDED), tf.float32)
        total = loss(queries, *others, lambda columns: tf.where(np.isinf(ADDED), -np.inf, slope * finite))
    gradients = tape.gradient(total, [queries, slope])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert float(gradients[1]) != 0.0
