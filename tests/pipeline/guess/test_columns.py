"""What a column's values say: numbers, times and their units, how many differ."""

import datetime

import polars as pl
import pytest

from pipeline.guess import columns

DAYS = [datetime.datetime(2024, 2, 1 + n) for n in range(20)]
SECONDS = [int(day.replace(tzinfo=datetime.timezone.utc).timestamp()) for day in DAYS]


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (SECONDS, "seconds"),
        ([f"{n}.25" for n in SECONDS], "seconds"),
        ([n * 10**3 for n in SECONDS], "milliseconds"),
        ([n * 10**6 for n in SECONDS], "microseconds"),
        ([n * 10**9 for n in SECONDS], "nanoseconds"),
        ([day.isoformat() for day in DAYS], "iso8601"),
        ([f"{day:%Y-%m-%d %H:%M:%S}+02:00" for day in DAYS], "iso8601"),
        ([f"{day:%Y-%m-%d}" for day in DAYS], "iso8601"),
        ([f"{day:%d.%m.%Y %H:%M}" for day in DAYS], "local"),
        ([f"{day:%m/%d/%Y}" for day in DAYS], "local"),
        ([f"{day:%d-%b-%Y}" for day in DAYS], "local"),
        ([f"{day:%Y%m%d}" for day in DAYS], "local"),
        (list(range(20)), ""),
        (["a"] * 20, ""),
    ],
)
def test_unit_of_a_time_is_found(values, unit):
    assert columns.look("x", pl.Series(values).cast(pl.String)).unit == unit


@pytest.mark.parametrize("kind", [pl.Datetime("ns"), pl.Datetime("ms", "UTC"), pl.Date])
def test_a_type_of_time_says_it_itself(kind):
    assert columns.look("x", pl.Series(DAYS).cast(kind)).unit == "typed"


def test_counts_and_shares_are_of_the_filled_values():
    column = columns.look("x", pl.Series(["01", "01", "2", "", None, "x"]))
    assert (column.rows, column.missing, column.distinct) == (6, 2, 3)
    assert column.words["01"] == 2
    assert column.number == 0.75
    assert column.zeros
    assert not column.is_number
    assert column.examples == ("01", "2", "x")


def test_decimal_commas_are_numbers_where_the_file_has_them():
    values = pl.Series(["1,5", "2,25"])
    assert not columns.look("x", values).is_number
    column = columns.look("x", values, ",")
    assert (column.low, column.high, column.is_whole) == (1.5, 2.25, False)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([], dtype=pl.String),
        pl.Series([None, None], dtype=pl.Int64),
        pl.Series([[1], [2]]),
        pl.Series([{"a": 1}]),
        pl.Series([b"\xff", b"a"]),
        pl.Series([True, False]),
        pl.Series([float("nan"), float("inf")]),
    ],
)
def test_any_type_of_column_is_looked_at(values):
    assert columns.look("x", values).rows == len(values)
