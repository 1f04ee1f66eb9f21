"""The items table in the vocabulary's order: cold candidates behind, and nothing learnt from them."""

import time

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from ranker.item_features import MOST_PER_ITEM, item_features

ITEMS = np.array(["b", "a", "c"], dtype=object)


def table(rows):
    """rows: (item, categories, price, published), each of the last three a list."""
    item, colour, price, published = zip(*rows, strict=True)
    return pa.table(
        {
            "item_id": pa.array([[name] for name in item], pa.list_(pa.string())),
            "title": pa.array([["any"]] * len(rows), pa.list_(pa.string())),
            "feature_colour": pa.array(list(colour), pa.list_(pa.string())),
            "feature_price": pa.array(list(price), pa.list_(pa.float32())),
            "published": pa.array(list(published), pa.list_(pa.int64())),
        }
    )


def test_rows_stand_in_the_vocabularys_order_and_cold_items_behind_by_their_bytes():
    rows = [
        ("é", ["red"], [3.0], [7]), ("a", ["red", "blue"], [1.0], [5]), ("Z", [], [], []), ("b", ["blue"], [], [6]),
    ]  # fmt: skip
    found = item_features(table(rows), ITEMS)
    assert found.cold.tolist() == ["Z", "é"]
    assert found.categories["colour"].size == 4  # padding, unknown, blue (two items), red (one)
    np.testing.assert_array_equal(found.categories["colour"].ids, [[2, 0], [3, 2], [0, 0], [0, 0], [3, 0]])
    np.testing.assert_array_equal(found.published, [6, 5, 0, 0, 7])
    np.testing.assert_array_equal(np.isnan(found.numbers["price"]), [True, False, True, True, False])
    assert set(found.categories) | set(found.numbers) == {"colour", "price"}


def test_items_that_training_never_saw_change_neither_values_nor_scale():
    known = [("a", ["red"], [1.0], [1]), ("b", ["blue"], [9.0], [2]), ("c", ["red"], [4.0], [3])]
    strange = [("x", ["neon"], [1e9], [4]), ("y", ["red", "neon"], [-5.0], [5])]
    alone, together = item_features(table(known), ITEMS), item_features(table(strange + known), ITEMS)
    assert together.categories["colour"].size == alone.categories["colour"].size
    np.testing.assert_array_equal(together.numbers["price"][:3], alone.numbers["price"])
    np.testing.assert_array_equal(together.categories["colour"].ids[:3, :1], alone.categories["colour"].ids)
    # "neon" is unknown; beside a value that is known it is left out. "red" has the more items, so the lower id.
    np.testing.assert_array_equal(together.categories["colour"].ids[3:], [[1], [2]])


def test_cold_rows_are_passed_over_where_not_asked_for():
    found = item_features(table([("x", ["red"], [1.0], [1]), ("a", ["red"], [1.0], [1])]), ITEMS, cold=False)
    assert len(found.cold) == 0
    assert found.categories["colour"].ids.shape == (3, 1)
    assert found.numbers["price"].shape == found.published.shape == (3,)


def test_numbers_without_negatives_are_compared_by_factors_and_others_as_they_are():
    prices = [("b", [], [0.0], []), ("a", [], [np.e - 1], []), ("c", [], [np.e**2 - 1], [])]  # log1p: 0, 1, 2
    expected = (np.array([0, 1, 2]) - 1) / np.sqrt(2 / 3)
    np.testing.assert_allclose(item_features(table(prices), ITEMS).numbers["price"], expected, atol=1e-6)
    degrees = [("b", [], [-1.0], []), ("a", [], [0.0], []), ("c", [], [1.0], [])]
    np.testing.assert_allclose(item_features(table(degrees), ITEMS).numbers["price"], expected, atol=1e-6)


def test_numbers_that_say_nothing_are_zero_and_impossible_ones_unknown():
    same = [("b", [], [4.0], []), ("a", [], [4.0], []), ("c", [], [float("inf")], []), ("x", [], [9.0], [])]
    np.testing.assert_array_equal(item_features(table(same), ITEMS).numbers["price"], [0, 0, np.nan, 0])
    cold_alone = [("x", [], [9.0], [])]
    np.testing.assert_array_equal(item_features(table(cold_alone), ITEMS).numbers["price"], [np.nan] * 3 + [0])


def test_first_row_of_an_item_and_first_values_of_a_cell_count():
    many = [f"v{n:02d}" for n in range(MOST_PER_ITEM + 3)]
    found = item_features(table([("a", many + many, [1.0], [1]), ("a", ["other"], [2.0], [2])]), ITEMS)
    ids = found.categories["colour"].ids
    np.testing.assert_array_equal(ids[1], 2 + np.arange(MOST_PER_ITEM))
    assert found.published.tolist() == [0, 1, 0]


@pytest.mark.parametrize("rows", [[], [("a", [], [], [])]])
def test_tables_without_rows_or_values_give_padding(rows):
    empty = table([("a", [], [], [])]).slice(0, len(rows))
    found = item_features(empty, ITEMS)
    np.testing.assert_array_equal(found.categories["colour"].ids, np.zeros((3, 1)))
    assert found.categories["colour"].size == 2
    assert np.isnan(found.numbers["price"]).all()


def test_table_without_publication_says_so():
    frame = pl.DataFrame({"item_id": [["a"]], "feature_genre": [["x"]]})
    assert item_features(frame, ITEMS).published is None


def test_a_hundred_thousand_items_take_a_second_or_two():
    rng, n = np.random.default_rng(0), 100_000
    frame = pl.DataFrame({"item_id": [f"i{k}" for k in range(n)], "value": rng.integers(0, 5_000, n)}).select(
        pl.concat_list("item_id"),
        pl.concat_list([(pl.col("value") * k % 977).cast(pl.String) for k in range(1, 4)]).alias("feature_words"),
        pl.concat_list(pl.col("value").cast(pl.Float32)).alias("feature_price"),
    )
    began = time.monotonic()
    found = item_features(frame, np.array([f"i{k}" for k in range(0, n, 2)], dtype=object))
    assert time.monotonic() - began < 20  # measured: under one; a loop over rows in Python would take longer
    assert len(found.cold) == n // 2
