"""Mean squared error is its formula, with whatever adjusts the label's score."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.losses import mean_squared_error

DRAW = np.random.default_rng(4)
QUERIES, ITEMS, BIAS = DRAW.normal(size=(5, 3)), DRAW.normal(size=(7, 3)), DRAW.normal(size=7)
LABELS, WEIGHTS, TARGETS = np.array([0, 6, 2, 2, 3]), np.array([1.0, 0.5, 0.0, 2.0, 1.0]), DRAW.normal(size=5)
ADDED = np.where(DRAW.random(size=(5, 7)) < 0.5, -np.inf, DRAW.normal(size=(5, 7)))
ADDED[np.arange(5), LABELS] = 0.3  # a label always is a candidate


@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_loss_and_gradient_are_the_formula(catalogue, adjusted, dtype):
    loss = mean_squared_error.build(mean_squared_error.Options(), catalogue)
    queries, items = tf.constant(QUERIES, dtype), tf.constant(ITEMS, tf.float32)
    bias, weights, targets = (tf.constant(value, tf.float32) for value in (BIAS, WEIGHTS, TARGETS))
    added = tf.constant(ADDED, tf.float32)

    def adjust(columns):
        return tf.gather(added, columns, axis=1, batch_dims=1)

    with tf.GradientTape() as tape:
        tape.watch(bias)
        value = loss(queries, tf.constant(LABELS), weights, items, bias, adjust if adjusted else None, targets=targets)
    scores = (queries.numpy().astype(float) @ ITEMS.T + BIAS + 0.3 * adjusted)[np.arange(5), LABELS]
    assert value.dtype == tf.float32
    np.testing.assert_allclose(value, np.sum(WEIGHTS * (scores - TARGETS) ** 2), rtol=1e-5)
    slopes = np.bincount(LABELS, 2 * WEIGHTS * (scores - TARGETS), 7)
    np.testing.assert_allclose(tf.convert_to_tensor(tape.gradient(value, bias)), slopes, rtol=1e-4, atol=1e-6)
