"""Sums and means of context embeddings, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.contexts import Contexts

HISTORY = tf.constant([[5, 6, 0], [5, 0, 0]], tf.int64)
DEVICES = tf.constant([[2, 1, 0], [3, 0, 0]], tf.int64)
GROUPS = tf.constant([[2, 4], [0, 0]], tf.int64)
GIVEN = {"history": HISTORY, "history_context_device": DEVICES, "user_feature_group": GROUPS}


@pytest.fixture
def contexts():
    tf.keras.utils.set_random_seed(1)
    return Contexts({"device": 4}, {"group": 5}, width=3, dropout=0.5)


def test_positions_get_their_context_and_the_mean_of_their_users_values(contexts):
    devices, groups = (contexts.tables[name].numpy() for name in ("history_context_device", "user_feature_group"))
    user = np.stack([(groups[2] + groups[4]) / 2, groups[1]])[:, np.newaxis]
    expected = devices[[[2, 1, 1], [3, 1, 1]]] + user  # what isn't said is unknown
    np.testing.assert_allclose(contexts(GIVEN), expected, rtol=1e-5)


def test_rows_that_lose_their_contexts_in_training_lose_all_and_become_as_if_nothing_was_said(contexts):
    said, silent = contexts(GIVEN).numpy(), contexts({"history": HISTORY}).numpy()
    seen = set()
    for _ in range(20):
        for row, value in enumerate(contexts(GIVEN, training=True).numpy()):
            lost, kept = (np.allclose(value, other[row], atol=1e-7) for other in (silent, said))
            assert lost or kept
            seen.add((row, lost))
    assert len(seen) == 4


def test_users_features_alone_are_one_vector_a_row():
    alone = Contexts({}, {"group": 5}, width=3, dropout=0.0)
    assert alone(GIVEN, training=True).shape == [2, 1, 3]
