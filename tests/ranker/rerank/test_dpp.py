"""The greedy search against determinants that NumPy computes."""

import itertools

import numpy as np
import pytest

from ranker.rerank import Slate, dpp


def kernel(slate, strength):
    quality = np.exp((1 - strength) / (2 * strength) * slate.relevance)
    similarity = (slate.similarity() + 0.01 * np.eye(len(quality))) / 1.01
    return quality[:, None] * similarity * quality


@pytest.mark.parametrize("strength", [0.2, 0.5, 0.8, 1.0])
def test_each_step_adds_the_item_with_the_greatest_determinant(strength):
    random = np.random.default_rng(3)
    attributes = (random.random((12, 5)) < 0.4).astype(float)
    slate = Slate(np.sort(random.random(12))[::-1], attributes, np.zeros(5))
    whole, taken = kernel(slate, strength), []
    for _ in range(6):
        left = [each for each in range(12) if each not in taken]
        values = [np.linalg.slogdet(whole[np.ix_([*taken, each], [*taken, each])])[1] for each in left]
        taken.append(left[int(np.argmax(values))])
    assert dpp.order(slate, 6, strength).tolist() == taken


def test_of_all_pairs_the_greedy_one_is_the_best_where_two_are_alike():
    slate = Slate(np.array([1.0, 0.9, 0.2]), np.array([[1.0, 0], [1, 0], [0, 1]]), np.zeros(2))
    whole = kernel(slate, 0.5)
    best = max(itertools.combinations(range(3), 2), key=lambda pair: np.linalg.det(whole[np.ix_(pair, pair)]))
    assert tuple(sorted(dpp.order(slate, 2, 0.5).tolist())) == best == (0, 2)
