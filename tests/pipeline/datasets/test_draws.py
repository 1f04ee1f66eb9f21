"""Draws that made data share."""

import numpy as np
import pytest

from pipeline.datasets import draws


def test_lengths_sum_to_the_rows_and_keep_the_floor():
    lengths = draws.lengths(np.random.default_rng(0), 1_000, 60, least=5)
    assert lengths.sum() == 1_000
    assert lengths.min() >= 5
    assert (np.diff(lengths) <= 0).all()


def test_lengths_without_room_are_refused():
    with pytest.raises(ValueError, match="3 users with 5 events each need 15 rows; got 14"):
        draws.lengths(np.random.default_rng(0), 14, 3, least=5)


def test_positions_meet_every_event_once_in_each_users_order():
    lengths = np.array([4, 2, 2, 1])
    met = [at.tolist() for _, at in draws.positions(lengths)]
    assert met == [[0, 4, 6, 8], [1, 5, 7], [2], [3]]


def test_draw_follows_its_probabilities():
    drawn = draws.draw(np.random.default_rng(0), 100_000, np.array([0.5, 0.3, 0.2]))
    np.testing.assert_allclose(np.bincount(drawn) / 100_000, [0.5, 0.3, 0.2], atol=0.006)  # four standard errors


@pytest.mark.parametrize(
    ("item", "likely", "rank"),
    [
        (7, [7, 2], 1),
        (2, [7, 2], 2),
        (0, [7, 2], 3),  # the most popular, after two that were named
        (3, [7, 2], 5),  # popularity 0, 1, (2 was named), 3
        (2, [-1, 2], 1),  # none named first
        (1, [7, 7], 3),  # 7 is named once: then 0, then 1
    ],
)
def test_oracle_names_the_likely_ones_and_then_the_popular(item, likely, rank):
    popularity = np.arange(10)
    assert draws.oracle_ranks(np.array([item]), np.array([likely]), popularity).tolist() == [rank]
    assert draws.oracle_ranks(np.array([item]), np.array([likely]), popularity[None]).tolist() == [rank]
