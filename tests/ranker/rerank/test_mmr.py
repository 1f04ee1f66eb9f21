"""Maximal marginal relevance by hand."""

import numpy as np

from ranker.rerank import Slate, mmr


def test_the_second_item_is_the_one_that_is_relevant_and_unlike_the_first():
    # Relevance 1, 0.9, 0.5; the first two alike, the third like none. At 0.5: 0.45 - 0.5 < 0.25 - 0.
    slate = Slate(np.array([1.0, 0.9, 0.5]), np.array([[1.0, 0], [1, 0], [0, 1]]), np.zeros(2))
    assert mmr.order(slate, 3, 0.5).tolist() == [0, 2, 1]
    assert mmr.order(slate, 3, 0.2).tolist() == [0, 1, 2]  # 0.72 - 0.2 > 0.4 - 0


def test_half_alike_is_the_cosine():
    slate = Slate(np.array([1.0, 0.8, 0.7]), np.array([[1.0, 0], [1, 1], [0, 1]]), np.zeros(2))
    np.testing.assert_allclose(slate.similarity()[0], [1, 1 / np.sqrt(2), 0])
    # 0.5 * 0.8 - 0.5 / sqrt(2) = 0.046 < 0.35
    assert mmr.order(slate, 2, 0.5).tolist() == [0, 2]
