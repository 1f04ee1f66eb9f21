"""Sums and means of context embeddings, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.contexts import Contexts, silenced
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

HISTORY = tf.constant([[5, 6, 0], [5, 0, 0]], tf.int64)
DEVICES = tf.constant([[2, 1, 0], [3, 0, 0]], tf.int64)
GROUPS = tf.constant([[2, 4], [0, 0]], tf.int64)
GIVEN = {"history": HISTORY, "history_context_device": DEVICES, "user_feature_group": GROUPS}


@pytest.fixture
def contexts():
    tf.keras.utils.set_random_seed(1)
    return Contexts({"device": 4}, {"group": 5}, width=3)


def test_positions_get_their_context_and_the_mean_of_their_users_values(contexts):
    devices, groups = (contexts.tables[name].numpy() for name in ("history_context_device", "user_feature_group"))
    user = np.stack([(groups[2] + groups[4]) / 2, groups[1]])[:, np.newaxis]
    expected = devices[[[2, 1, 1], [3, 1, 1]]] + user  # what isn't said is unknown
    np.testing.assert_allclose(contexts(GIVEN), expected, rtol=1e-5)


def test_silenced_rows_are_as_if_nothing_was_said(contexts):
    gaps = {**GIVEN, "history_gap": tf.ones_like(HISTORY), "label": HISTORY}
    changed = silenced(gaps, tf.constant([False, True]))
    silent = contexts({"history": HISTORY})
    np.testing.assert_array_equal(contexts(changed), tf.stack([contexts(GIVEN)[0], silent[1]]))
    np.testing.assert_array_equal(changed["history_gap"], [[1, 1, 1], [0, 0, 0]])
    assert changed["history"] is HISTORY
    assert changed["label"] is HISTORY


def test_users_features_alone_are_one_vector_a_row():
    alone = Contexts({}, {"group": 5}, width=3)
    assert alone(GIVEN).shape == [2, 1, 3]


def test_rows_that_lose_their_gaps_in_training_lose_their_contexts_too_and_only_there():
    tf.keras.utils.set_random_seed(1)
    known = {"contexts": {"device": 4}, "user_features": {"group": 5}}
    catalogue = Catalogue(np.array(list("abcdef")), np.ones(6), 0, gaps=3, window=3, mask_seen=True, **known)
    model = SequenceRanker(
        ModelOptions(embedding_dim=4, gap_embedding=True, dropout=0.0, context_dropout=0.5), catalogue
    )
    said = {**GIVEN, "history_gap": tf.constant([[0, 1, 0], [2, 0, 0]], tf.int64)}
    whole, silent = (model(features).numpy() for features in (said, silenced(said, tf.constant([True, True]))))
    assert not np.allclose(whole, silent)
    seen = set()
    for _ in range(20):
        for row, value in enumerate(model(said, training=True).numpy()):
            lost, kept = (np.allclose(value, other[row], atol=1e-7) for other in (silent, whole))
            assert lost or kept
            seen.add((row, lost))
    assert len(seen) == 4
