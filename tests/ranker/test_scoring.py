"""Ranks and best items: ties, masks, fallback, and chunks that change nothing."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from ranker import scoring
from ranker.age import Age

SCORES = np.array([[3.0, 1.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]], np.float32)  # ids 2 to 6


@pytest.fixture(params=[(0, 2, 0), (65_536, 2, 0), (0, 2, 1 << 24)], ids=["chunks of two", "whole", "whole for so few"])
def _chunk(request, monkeypatch):
    whole, least, at_once = request.param
    monkeypatch.setattr(scoring, "WHOLE", whole)
    monkeypatch.setattr(scoring, "LEAST", least)
    monkeypatch.setattr(scoring, "RANKED", at_once)
    monkeypatch.setattr(scoring, "BEST", at_once)


@pytest.fixture(params=[False, True], ids=["plain", "XLA"])
def compiled(request):
    """tf.function, by XLA or without."""
    return functools.partial(tf.function, jit_compile=request.param)


def given():
    """Queries and candidates whose products are SCORES."""
    query = scoring.queries(tf.eye(2), tf.constant([True, True]))
    return query, scoring.candidates(tf.constant(SCORES.T), tf.zeros(5), tf.zeros(5))


@pytest.mark.usefixtures("_chunk")
@pytest.mark.parametrize(
    ("labels", "masked", "expected"),
    [
        ([2, 2], [[0], [0]], [1, 1]),
        ([4, 4], [[0], [0]], [2, 3]),  # all of the second row tie: ids 2 and 3 come first
        ([5, 6], [[0], [0]], [3, 5]),
        ([5, 6], [[2, 4, 4], [2, 3, 0]], [1, 3]),  # an item that is masked twice counts once
        ([5, 6], [[5, 0], [6, 1]], [3, 5]),  # a label is never masked, and unknown masks nothing
        ([1, 0], [[0], [0]], [0, 0]),
    ],
)
def test_rank_of_the_label(compiled, labels, masked, expected):
    ranks = compiled(scoring.label_ranks)(
        given()[0], tf.constant(labels, tf.int64), given()[1], tf.constant(masked, tf.int64)
    )
    np.testing.assert_array_equal(ranks, expected)


@pytest.mark.usefixtures("_chunk")
def test_best_items_leave_out_masked_ones_and_end_in_minus_infinity(compiled):
    columns, scores = compiled(scoring.best)(*given(), tf.constant([[2], [4]], tf.int64), 5)
    np.testing.assert_array_equal(columns[:, :4], [[2, 3, 1, 4], [0, 1, 3, 4]])
    np.testing.assert_array_equal(scores[:, 4], [-np.inf, -np.inf])
    np.testing.assert_array_equal(scores[0, :4], [2.0, 2.0, 1.0, 0.0])


def test_rows_without_a_known_event_are_ranked_by_popularity():
    query = scoring.queries(tf.constant([[np.nan]]), tf.constant([False]))
    candidates = scoring.candidates(tf.ones([3, 1]), tf.ones(3), tf.math.log([1.0, 9.0, 4.0]))
    columns, scores = scoring.best(query, candidates, tf.zeros([1, 0], tf.int64), 3)
    np.testing.assert_array_equal(columns, [[1, 2, 0]])
    np.testing.assert_allclose(scores, np.log([[9.0, 4.0, 1.0]]), rtol=1e-6)


def test_pairs_have_the_scores_that_best_has_and_say_which_are_candidates():
    scores, there = scoring.pairs(given()[0], tf.constant([[4, 2, 1, 7], [0, 3, 6, 2]], tf.int64), given()[1])
    np.testing.assert_array_equal(there, [[True, True, False, False], [False, True, True, True]])
    np.testing.assert_array_equal(tf.where(there, scores, -1.0), [[2.0, 3.0, -1.0, -1.0], [-1.0, 0.0, 0.0, 0.0]])


HOUR = 3_600_000  # milliseconds
PUBLISHED = 450_000 * HOUR - HOUR * np.array([0, 30, 2, 0, 9])
TIMES = tf.constant([450_000 * HOUR - 1, 450_000 * HOUR], tf.int64)  # before the first and fourth come, and when


def aged():
    age = Age(PUBLISHED)
    age.slope.assign(-0.1)
    return age.at(TIMES)


@pytest.mark.usefixtures("_chunk")
def test_age_moves_ranks_and_takes_away_what_is_not_published_but_never_the_label(compiled):
    added = aged().gain(tf.range(5)).numpy()
    scores = SCORES + added
    scores[0, [0, 3]] = -np.inf
    none = tf.zeros([2, 0], tf.int64)
    for label in range(5):
        own = (SCORES + added)[:, [label]]
        others = np.arange(5) != label
        before = (scores > own) | ((scores == own) & (np.arange(5) < label))
        ranks = compiled(scoring.label_ranks)(
            given()[0], tf.fill([2], tf.constant(label + 2, tf.int64)), given()[1], none, aged()
        )
        np.testing.assert_array_equal(ranks, 1 + (before & others).sum(axis=1))
    columns, found = scoring.best(*given(), none, 5, aged())
    np.testing.assert_allclose(found, -np.sort(-scores, axis=1), rtol=1e-5)
    assert not {0, 3} & set(columns.numpy()[0, :3])


def test_pairs_age_and_are_no_candidates_before_they_are_published():
    ids = np.array([[3, 2, 6], [2, 5, 4]])
    scores, there = scoring.pairs(given()[0], tf.constant(ids), given()[1], aged())
    np.testing.assert_array_equal(there, [[True, False, True], [True, True, True]])
    whole = SCORES + aged().gain(tf.range(5)).numpy()
    np.testing.assert_allclose(scores, np.take_along_axis(whole, ids - 2, axis=1), rtol=1e-5)


def test_a_label_beyond_the_candidates_has_no_rank():
    ranks = scoring.label_ranks(given()[0], tf.constant([7, 6], tf.int64), given()[1], tf.zeros([2, 0], tf.int64))
    np.testing.assert_array_equal(ranks, [0, 5])
