"""Past items are no candidates of the loss, as they are none of answers."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from ranker.past import Past
from schemas.features import FIRST_ITEM, MOST_PLACES, PADDING, UNKNOWN

ITEMS = 5
# Row 0 repeats item 1; row 1 has an unknown item and padding. Positions: (0, 0), (0, 2), (1, 1).
IDS = np.array([[1, 3, 1, 0], [4, UNKNOWN - FIRST_ITEM, 2, PADDING - FIRST_ITEM]]) + FIRST_ITEM
ROWS, UPTO = np.array([0, 0, 1]), np.array([1, 3, 2])
LABELS = np.array([3, 1, 2])  # the second repeats what is behind it, and stays a candidate
LEFT_OUT = [{1}, {3}, {4}]


@pytest.fixture
def past():
    return Past(*(tf.constant(part, tf.int64) for part in (IDS, ROWS, UPTO, LABELS)), size=ITEMS)


def expected(columns):
    """[N, S]: -inf where a position's column is behind it."""
    return np.where([[c in out for c in row] for out, row in zip(LEFT_OUT, columns, strict=True)], -np.inf, 0.0)


def test_every_column_behind_a_position_but_its_label_is_left_out(past):
    np.testing.assert_array_equal(past(None), expected([range(ITEMS)] * 3))


def test_drawn_columns_are_left_out_position_by_position(past):
    columns = [4, 1, 1, 0, 3]
    np.testing.assert_array_equal(past(tf.constant(columns, tf.int64)), expected([columns] * 3))


def test_columns_of_each_position_are_left_out(past):
    columns = [[1, 3], [3, 1], [4, 0]]
    np.testing.assert_array_equal(past(tf.constant(columns, tf.int64)), expected(columns))


def test_sums_are_over_what_is_left_out_each_column_once(past):
    values = np.random.default_rng(0).normal(size=[ITEMS, 3]).astype(np.float32)
    sums, counts = past.sums(tf.constant(values))
    np.testing.assert_allclose(sums, [values[list(out)].sum(0) for out in LEFT_OUT], rtol=1e-6)
    np.testing.assert_array_equal(counts, [len(out) for out in LEFT_OUT])


def test_nothing_behind_leaves_nothing_out_and_sums_to_zero():
    nothing = Past.up_to(tf.zeros([1, 0], tf.int64), None, tf.constant([1], tf.int64), ITEMS)
    sums, counts = nothing.sums(tf.ones([ITEMS, 2]))
    assert not nothing.masks()(tf.range(1)).numpy().any()
    assert (sums.numpy().tolist(), counts.numpy().tolist()) == ([[0.0, 0.0]], [0.0])


def test_a_past_of_more_places_than_16_bits_hold_is_left_out_to_its_end():
    ids = np.zeros([1, MOST_PLACES + 100], np.int64)
    ids[0, [5, MOST_PLACES, MOST_PLACES + 99]] = [FIRST_ITEM, FIRST_ITEM + 1, FIRST_ITEM + 2]
    long = Past.up_to(tf.constant(ids), None, tf.constant([4], tf.int64), ITEMS)
    assert long.masks()(tf.range(1)).numpy().tolist() == [[True, True, True, False, False]]


@pytest.mark.parametrize("loss", ["cross_entropy", "sampled_softmax", "gbce", "bpr_max"])
@pytest.mark.parametrize("mask_past", [True, False])
def test_score_of_a_past_item_changes_the_loss_only_where_it_is_a_candidate(loss, mask_past):
    tf.keras.utils.set_random_seed(1)
    items = np.array([f"i{n}" for n in range(ITEMS)])
    catalogue = Catalogue(items, np.ones(ITEMS, int), 0, gaps=0, window=4, mask_seen=True)
    model = SequenceRanker(ModelOptions(embedding_dim=8, dropout=0.0, mask_past=mask_past, loss=loss), catalogue)
    history = tf.constant([[2, 3, 4]], tf.int64)
    batch = {"history": history, "history_gap": history * 0, "label": history + 1, "weight": tf.constant([[1.0, 1, 1]])}
    with tf.GradientTape() as tape:
        total = model.compute_loss(batch, training=True)
    gradient = tape.gradient(total, model.bias).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[0] == 0.0) == mask_past  # item 0 is behind every position


def test_validation_loss_leaves_out_the_whole_past():
    items = np.array([f"i{n}" for n in range(ITEMS)])
    catalogue = Catalogue(items, np.ones(ITEMS, int), 0, gaps=0, window=4, mask_seen=True)
    model = SequenceRanker(
        ModelOptions(embedding_dim=8, loss={"name": "cross_entropy", "label_smoothing": 0}), catalogue
    )
    history, seen = tf.constant([[2, 3]], tf.int64), tf.constant([[4, 5]], tf.int64)
    batch = {"history": history, "history_gap": history * 0, "label": tf.constant([6], tf.int64), "seen": seen}
    assert float(model.compute_loss(batch)) == pytest.approx(0.0, abs=1e-6)  # only the label is left
