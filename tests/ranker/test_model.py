"""What a model says at the end of histories, beside what it says at each of their positions."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

ITEMS, WIDTH, WINDOW = 9, 4, 5
HISTORY = tf.constant([[2, 3, 4, 5, 6], [7, 7, 0, 0, 0], [8, 0, 0, 0, 0], [3, 4, 5, 6, 0]], tf.int64)
LAST = [4, 1, 0, 3]
FEATURES = {
    "history": HISTORY,
    "history_gap": tf.where(HISTORY > 0, 1 + HISTORY % 3, 0),
    "seen": tf.constant([[2, 9], [0, 0], [10, 0], [4, 5]], tf.int64),
}


def made(**knobs):
    tf.keras.utils.set_random_seed(3)
    factors = np.random.default_rng(0).normal(size=[ITEMS, 2]).astype(np.float32)
    items = np.array([f"i{n}" for n in range(ITEMS)])
    catalogue = Catalogue(items, np.ones(ITEMS, int), 0, gaps=4, window=WINDOW, mask_seen=True, factors=factors)
    return SequenceRanker(ModelOptions(embedding_dim=WIDTH, gap_embedding=True, **knobs), catalogue)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("architecture", ["lstm", "gru", "sasrec"])
@pytest.mark.parametrize("knobs", [{}, {"bursts": [1, 2], "residual": True}, {"averages": [], "bursts": [2]}])
def test_the_query_is_what_stands_at_the_last_event(architecture, members, knobs):
    model = made(architecture={"name": architecture}, members=members, **knobs)
    for variable in model.trainable_variables:  # the averages' matrices and the residual's weights, too
        variable.assign_add(tf.random.normal(variable.shape, stddev=0.1))
    everywhere = model.averaged(model(FEATURES)).numpy()
    np.testing.assert_allclose(model.query(FEATURES), everywhere[range(len(LAST)), LAST], rtol=1e-4, atol=1e-5)


def test_the_query_in_half_precision_is_of_that_precision():
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = made(bursts=[1], residual=True)
        queries, everywhere = model.query(FEATURES), model.averaged(model(FEATURES))
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert queries.dtype == everywhere.dtype == tf.bfloat16
    expected = tf.gather(everywhere, LAST, batch_dims=1)
    np.testing.assert_allclose(tf.cast(queries, tf.float32), tf.cast(expected, tf.float32), atol=0.05)
