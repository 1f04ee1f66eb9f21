"""One suite over every re-ranker that lies in the folder."""

import numpy as np
import pytest

from ranker import registry, rerank

GENRES = [["war"], ["war"], ["war"], ["drama"], ["drama", "war"], ["comedy"], [], []]
SCORES = [9.0, 8.5, 8.0, 5.0, 4.0, 3.0, 2.0, -1.0]
PAST = [["comedy"], ["drama"]]
N = len(SCORES)


@pytest.fixture(params=registry.names("rerank"))
def order(request):
    return registry.load("rerank", request.param).order


def slate(scores=SCORES, genres=GENRES, past=PAST):
    return rerank.slate(scores, genres, past)


def test_without_strength_the_models_order_stays(order):
    assert order(slate(), N, 0.0).tolist() == list(range(N))


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("k", [1, 3, N, N + 5])
def test_each_answer_is_one_of_the_slate_and_none_comes_twice(order, strength, k):
    found = order(slate(), k, strength)
    assert found.dtype == np.int64
    assert len(found) == min(k, N) == len(set(found.tolist()))
    assert set(found.tolist()) <= set(range(N))


def test_fewer_items_are_the_first_of_more(order):
    assert order(slate(), 3, 0.6).tolist() == order(slate(), N, 0.6)[:3].tolist()


def test_more_strength_brings_more_genres_into_the_first_three(order):
    seen = [{v for at in order(slate(), 3, strength) for v in GENRES[at]} for strength in (0.0, 0.95)]
    assert seen[0] == {"war"}
    assert seen[1] == {"war", "drama", "comedy"} or seen[1] == {"drama", "comedy"}


def test_the_scale_of_scores_does_not_matter(order):
    moved = [score * 1000 - 7 for score in SCORES]
    assert order(slate(), N, 0.4).tolist() == order(slate(moved), N, 0.4).tolist()


@pytest.mark.parametrize(
    ("scores", "genres"), [([], []), ([1.0], [["war"]]), ([1.0] * 4, [["war"]] * 4), ([2.0, 1.0], [[], []])]
)
def test_nothing_one_item_equal_items_and_items_without_genres(order, scores, genres):
    assert order(slate(scores, genres), 10, 0.5).tolist() == list(range(len(scores)))


def test_nobodys_past_is_no_error(order):
    assert len(order(slate(past=[]), 4, 0.7)) == 4
