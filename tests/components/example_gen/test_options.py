import pydantic
import pytest

from components.example_gen.options import Columns, Options


def test_used_columns_come_once_each_in_order():
    columns = Columns(user="u", item="i", timestamp="t", weight="r", rating="r", context=("u", "device"))
    assert columns.used() == ("u", "i", "t", "r", "device")


def test_log_without_users_uses_one_column_less():
    assert Columns(user=None).used() == ("item_id", "timestamp")


@pytest.mark.parametrize(("column", "weighted"), [("weight", True), ("event", True), ("rating", False)])
def test_a_weight_or_an_event_makes_a_log_weighted(column, weighted):
    weights = {"view": 1.0} if column == "event" else {}
    assert Options(data=("a",), columns={column: "x"}, event_weights=weights).weighted is weighted


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": ()},
        {"data": ("a",), "colour": 1},
        {"data": ("a",), "delimiter": ""},
        {"data": ("a",), "column_names": ("u", "u")},
        {"data": ("a",), "columns": {"user": ""}},
        {"data": ("a",), "columns": {"context": ("x", "x")}},
        {"data": ("a",), "event_weights": {"view": 1}},
        {"data": ("a",), "columns": {"event": "e"}},
        {"data": ("a",), "columns": {"event": "e"}, "event_weights": {"view": -1}},
        {"data": ("a",), "columns": {"event": "e"}, "event_weights": {"view": float("inf")}},
        {"data": ("a",), "columns": {"event": "e"}, "event_weights": {"": 1}},
        {"data": ("a",), "columns": {"event": "e", "weight": "w"}, "event_weights": {"view": 1}},
        {"data": ("a-{SPAN}",)},
        {"data": ("a",), "spans": {}},
        {"data": ("a-{SPAN}",), "spans": {"window": 0}},
    ],
)
def test_impossible_options_are_refused(wrong):
    with pytest.raises(pydantic.ValidationError):
        Options(**wrong)


def test_options_survive_the_way_through_a_property():
    options = Options(
        data=("a", "b"), columns=Columns(context=("x",)), time_format="iso8601", quote="", latest="2026-11-25"
    )
    assert Options.model_validate_json(options.model_dump_json()) == options
