import numpy as np
import polars as pl
import pytest

from ranker.baselines import recent

COUNTED = pl.Series(["a", "c", "b", "d"])  # most frequent first


def ranks(history, label, popularity):
    histories = pl.Series([history], dtype=pl.List(pl.String))
    return recent.label_ranks(histories, pl.Series([label]), np.array([popularity]), COUNTED).tolist()


@pytest.mark.parametrize(
    ("history", "label", "popularity", "expected"),
    [
        (["a", "b", "a"], "a", 1, 1),  # the latest item
        (["a", "b", "a"], "b", 3, 2),  # behind a, whose last event is later
        (["a", "b", "a"], "c", 2, 3),  # behind a and b
        (["d"], "a", 1, 2),
        ([], "c", 2, 2),  # a stranger gets the popular items
        (["a"], "new", 0, 0),  # training never saw it, nor did the history
        (["new", "a"], "new", 0, 2),  # its own past is enough
        (["new"], "a", 1, 2),
        (["new", "new"], "b", 3, 4),  # counted once
    ],
)
def test_rank_is_the_place_after_the_later_items_then_by_popularity(history, label, popularity, expected):
    assert ranks(history, label, popularity) == [expected]


def test_many_rows_equal_the_order_written_out():
    rng = np.random.default_rng(3)
    items = [f"i{n:02}" for n in range(30)]
    histories = [rng.choice(items, rng.integers(0, 9)).tolist() for _ in range(200)]
    labels = rng.choice(items, 200).tolist()
    popularity = np.array([1 + items.index(label) for label in labels])
    before = popularity.copy()
    orders = [list(dict.fromkeys([*reversed(history), *items])) for history in histories]
    series = pl.Series(histories, dtype=pl.List(pl.String))
    found = recent.label_ranks(series, pl.Series(labels), popularity, pl.Series(items))
    assert found.tolist() == [1 + order.index(label) for order, label in zip(orders, labels, strict=True)]
    np.testing.assert_array_equal(popularity, before)
