"""Diversity, novelty, exposure and gaps by hand, from rows as inference leaves them."""

import numpy as np
import polars as pl
import pytest

from components.evaluator import blessing, exposure
from components.evaluator.options import Options
from schemas import records
from schemas.models import EXPORTED_ITEMS

COUNTS = pl.DataFrame({"item_id": ["a", "b", "c", "d"], "count": [7, 4, 1, 0]})
TABLE = pl.DataFrame({"item_id": ["a", "b", "c"], "feature_genres": [["war"], ["war"], ["drama"]]})


@pytest.fixture
def rows(tmp_path):
    """Two files; the lists of validation are ab, ac, and one with an item of test alone."""
    lists = {"valid": [["a", "b"], ["a", "c"]], "test": [["x", "c", ""]]}
    for n, (split, of_split) in enumerate(lists.items()):
        table = pl.DataFrame({"split": [split] * len(of_split), "top_items": of_split})
        table.write_parquet(tmp_path / f"rows-{n}.parquet")
    assert {"split", "top_items"} <= set(records.PER_USER.names)
    return str(tmp_path)


def test_figures_of_a_split_are_those_of_its_lists(rows):
    found = exposure.measure(rows, "valid", COUNTS, exposure.attributes(TABLE), (1, 2))
    # Shown at 2: a twice, b and c once, d never: 0 1 1 2 -> (-3 * 0 - 1 + 1 + 3 * 2) / (4 * 4)
    assert found["gini@2"] == pytest.approx(6 / 16)
    assert found["gini@1"] == pytest.approx(3 / 4)  # a alone
    bits = {item: np.log2(16) - np.log2(count + 1) for item, count in COUNTS.iter_rows()}
    assert found["novelty@1"] == pytest.approx(bits["a"])
    assert found["novelty@2"] == pytest.approx((bits["a"] * 2 + bits["b"] + bits["c"]) / 4)
    assert found["ild@2"] == pytest.approx((0 + 1) / 2)  # war and war, war and drama
    assert "ild@1" not in found


def test_items_that_training_never_saw_are_new_to_everybody_and_like_none(rows):
    found = exposure.measure(rows, "test", COUNTS, exposure.attributes(TABLE), (2,))
    assert found["novelty@2"] == pytest.approx((4 + 3) / 2)
    assert found["ild@2"] == 1.0


def test_distance_is_over_all_columns_each_value_once(rows):
    both = TABLE.with_columns(feature_era=pl.Series([["war", "war"], [], ["old", "war"]]))
    found = exposure.measure(rows, "valid", COUNTS, exposure.attributes(both), (2,))
    # a is war and war's era, b war alone, c drama, old and war's era: 1 - 1 / sqrt(2 * 1), 1 - 1 / sqrt(2 * 3)
    assert found["ild@2"] == pytest.approx((1 - 2**-0.5 + 1 - 6**-0.5) / 2)


def test_a_table_of_items_may_have_more_values_than_memory_would_hold_for_each(rows):
    many = 300_000  # with a value each: 360 GB as a matrix
    table = pl.DataFrame({"item_id": ["a", "b", "c", *map(str, range(many))]})
    table = table.with_columns(feature_maker=pl.concat_list(pl.col("item_id")))
    assert exposure.measure(rows, "valid", COUNTS, exposure.attributes(table), (2,))["ild@2"] == 1.0


def test_no_item_has_a_value(rows):
    table = TABLE.with_columns(feature_genres=pl.Series([[], [], []], dtype=pl.List(pl.String)))
    assert exposure.measure(rows, "valid", COUNTS, exposure.attributes(table), (2,))["ild@2"] == 1.0


def test_without_lists_or_a_table_there_is_nothing_to_say(rows):
    assert exposure.measure(rows, "train", COUNTS, exposure.attributes(TABLE), (2,)) == {}
    assert "ild@2" not in exposure.measure(rows, "valid", COUNTS, exposure.attributes(None), (2,))
    assert "ild@2" not in exposure.measure(rows, "valid", COUNTS, exposure.attributes(TABLE.select("item_id")), (2,))


def slices(**values):
    return {name.replace("__", "="): {"ndcg@10": {"value": value}, "examples": {"value": n}}
            for name, (value, n) in values.items()}  # fmt: skip


def test_a_gap_is_the_best_less_the_worst_of_large_groups():
    found = exposure.gaps(
        slices(overall=(0.5, 200), label_popularity__head=(0.9, 100), label_popularity__tail=(0.2, 50),
               label_popularity__cold=(0.0, 5), history_length__0=(0.1, 99)),
        (10,),
    )  # fmt: skip
    assert found == {"ndcg_gap_label_popularity@10": pytest.approx(0.7)}


def test_users_are_grouped_by_what_their_table_says(tmp_path):
    rows = {"split": ["valid"] * 4 + ["test"], "rank": [1, 3, 0, 1, 1],
            "user_groups": [["sex=f", "job=a"], ["sex=f"], ["sex=m", "job=a", "job=b"], [], ["sex=f"]]}  # fmt: skip
    for n, part in enumerate((slice(0, 2), slice(2, 5))):
        pl.DataFrame({name: values[part] for name, values in rows.items()}).write_parquet(tmp_path / f"{n}.parquet")
    found = exposure.user_groups(str(tmp_path), "valid", (10,))
    assert found == {
        "sex": {"f": {"examples": 2, "ndcg@10": 0.75}, "m": {"examples": 1, "ndcg@10": 0.0}},
        "job": {"a": {"examples": 2, "ndcg@10": 0.5}, "b": {"examples": 1, "ndcg@10": 0.0}},
    }
    assert exposure._group_gaps(found, (10,)) == {}  # too few of each
    large = {"sex": {"f": {"examples": 40, "ndcg@10": 0.75}, "m": {"examples": 30, "ndcg@10": 0.25}}}
    assert exposure._group_gaps(large, (10,)) == {"ndcg_gap_user_sex@10": 0.5}
    assert Options(limits={"ndcg_gap_user_sex@10": {"max": 0.1}}).limits


def test_the_exported_table_is_found_beside_the_model(tmp_path):
    assert exposure.exported_items(str(tmp_path)) is None
    (tmp_path / EXPORTED_ITEMS).parent.mkdir()
    TABLE.write_parquet(tmp_path / EXPORTED_ITEMS)
    assert exposure.exported_items(str(tmp_path)).equals(TABLE)


@pytest.mark.parametrize(
    ("limit", "passed", "words"),
    [
        ({"max": 0.9}, True, "at most 0.9"),
        ({"max": 0.5}, False, "at most 0.5"),
        ({"min": 0.7, "max": 0.8}, True, "least"),
    ],
)
def test_a_limit_is_held_against_validation_and_says_so(limit, passed, words):
    options = Options(limits={"gini@10": limit})
    check = blessing._within("gini@10", options.limits["gini@10"], {"gini@10": {"value": 0.75}})
    assert check.passed is passed
    assert words in check.why


def test_a_limit_on_what_is_not_there_is_not_kept():
    limit = Options(limits={"ild@10": {"min": 0.1}}).limits["ild@10"]
    check = blessing._within("ild@10", limit, {})
    assert not check.passed


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"gini@7": {"max": 1}}, "isn't measured"),
        ({"ndcg_gap_user_sex@7": {"max": 1}}, "isn't measured"),
        ({"ild@1": {"min": 0}}, "isn't measured"),
        ({"gini@10": {}}, "needs min or max"),
        ({"gini@10": {"min": 1, "max": 0}}, "min is more than max"),
    ],
)
def test_limits_that_cannot_be_are_refused_before_anything_runs(limits, words):
    with pytest.raises(ValueError, match=words):
        Options(limits=limits)
