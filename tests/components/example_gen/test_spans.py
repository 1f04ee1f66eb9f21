"""What a file's name says of its span."""

import pytest

from components.example_gen import spans
from components.example_gen.table_options import ItemTableOptions


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("data-{SPAN}.csv", "data-7.csv", 7),
        ("data-{SPAN}.csv", "data-007.csv", 7),
        ("data-{SPAN}.csv", "data-0.csv", 0),
        ("data-{SPAN}.csv", "data-old.csv", None),
        ("data-{SPAN}.csv", "data-7b.csv", None),
        ("data-{SPAN}*", "data-12.csv.gz", 12),
        ("*{SPAN}.csv", "data-12.csv", 12),
        ("s3://logs/**/{SPAN}/*.parquet", "s3://logs/a/b/3/part-99.parquet", 3),
        ("{SPAN}/data-{SPAN}.csv", "4/data-4.csv", 4),
        ("{SPAN}/data-{SPAN}.csv", "4/data-5.csv", None),
        ("day={YYYY}-{MM}-{DD}/*.csv", "day=1970-01-02/a.csv", 1),
        ("{YYYY}{MM}{DD}.csv", "20261125.csv", 20782),
        ("a.b-{SPAN}.csv", "aXb-3.csv", None),  # a dot is a dot
        ("{old}-{SPAN}.csv", "{old}-3.csv", 3),  # small letters are a name's own
    ],
)
def test_a_span_is_what_stands_where_the_pattern_has_one(pattern, name, expected):
    assert spans.number(pattern, name) == expected


def test_a_date_that_no_calendar_has_is_an_error():
    with pytest.raises(ValueError, match="month must be in"):
        spans.number("{YYYY}-{MM}-{DD}", "2026-13-01")


@pytest.mark.parametrize(
    ("patterns", "wanted", "words"),
    [
        (["a-{VERSION}"], True, "there is no {VERSION}"),
        (["a-{SPAN:2}"], True, "there is no {SPAN:2}"),
        (["a-{SPAN}-{YYYY}"], True, "alone"),
        (["a-{YYYY}-{MM}"], True, "all three"),
        (["a-{SPAN}"], False, "example_gen.spans"),
        (["a-{SPAN}", "b"], True, "'b' says no span"),
    ],
)
def test_patterns_that_say_no_span_or_half_of_one_are_refused(patterns, wanted, words):
    assert words in spans.problem(patterns, wanted)


def test_patterns_of_either_kind_pass():
    assert spans.problem(["a-{SPAN}", "b/{YYYY}/{MM}/{DD}/*"], wanted=True) is None
    assert spans.problem(["a-*.csv", "{x}"], wanted=False) is None


def test_the_newest_spans_are_by_number_whatever_is_missing_between():
    assert spans.newest([9, 10, 2, 10], 2) == [9, 10]
    assert spans.newest([9, 10, 2], 5) == spans.newest([9, 10, 2], "all") == [2, 9, 10]
    assert spans.shown([2, 9, 10, 11]) == "2, 9-11"


def test_a_table_by_span_is_refused():
    with pytest.raises(ValueError, match="a table isn't read by span"):
        ItemTableOptions(data=("items-{SPAN}.csv",))
