import pydantic
import pytest

from components.example_gen.options import Columns, Options


def test_used_columns_come_once_each_in_order():
    columns = Columns(user="u", item="i", timestamp="t", weight="r", rating="r", context=("u", "device"))
    assert columns.used() == ("u", "i", "t", "r", "device")


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": ()},
        {"data": ("a",), "colour": 1},
        {"data": ("a",), "delimiter": ""},
        {"data": ("a",), "column_names": ("u", "u")},
    ],
)
def test_impossible_options_are_refused(wrong):
    with pytest.raises(pydantic.ValidationError):
        Options(**wrong)


def test_options_survive_the_way_through_a_property():
    options = Options(data=("a", "b"), columns=Columns(context=("x",)), time_format="iso8601", quote="")
    assert Options.model_validate_json(options.model_dump_json()) == options
