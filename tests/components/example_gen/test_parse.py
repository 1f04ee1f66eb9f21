import datetime

import numpy as np
import pyarrow as pa
import pytest

from components.example_gen import parse

SECOND = 1000
NOON = int(datetime.datetime(2026, 11, 3, 12, 0, tzinfo=datetime.timezone.utc).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-03T12:00:00Z", NOON),
        ("2026-11-03 12:00:00", NOON),
        ("2026-11-03T12:00", NOON),
        ("2026-11-03", NOON - 12 * 3600 * SECOND),
        ("2026-11-03T13:30:00+01:30", NOON),
        ("2026-11-03T13:00:00+0100", NOON),
        ("2026-11-03T11:00:00 -01", NOON),
        ("2026-11-03T12:00:00.5", NOON + 500),
        ("2026-11-03T12:00:00,123456789Z", NOON + 123),
        (" 2026-11-03t12:00:00z ", NOON),
        ("2026-11-03 12:00:00 UTC", NOON),  # as BigQuery and many a public shop log write it
        ("2024-02-29", 1709164800 * SECOND),
    ],
)
def test_iso_time_becomes_milliseconds(text, expected):
    values, is_time = parse.milliseconds(pa.array([text]), "iso8601")
    assert (values.tolist(), is_time.tolist()) == ([expected], [True])


RARE = [
    "2023-01-01T00:00:60Z",
    " 2023-01-01",
    "2023-01-01T12:00,5",
    "2023-01-01 12:00 UTC",
    "2023-01-01T12:00:00.1234567Z",
]
WRONG = ["", None, "now", "2023-02-30", "2023-01-01T", "2023-01-01T25:00", "2023-01-01Z", "2023-01-01T12:00:00+24:00"]
DATES = ["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"]
CLOCKS = [
    "",
    *(f"{mark}{clock}" for mark in "T " for clock in ("00", "23:59", "12:34:56", "12:34:56.7", "23:59:59.999999")),
]


@pytest.mark.parametrize("others", [[], RARE, WRONG, [*RARE, *WRONG]])
@pytest.mark.parametrize("zone", ["", "Z", "+05", "-0930", "+14:00"])
def test_the_quick_way_to_read_iso_times_gives_what_the_careful_one_gives(zone, others, monkeypatch):
    usual = [date + clock + (zone if clock else "") for date in DATES for clock in CLOCKS if clock or not zone]
    column = pa.array([*usual, *others, *usual])
    monkeypatch.setattr(parse, "_PIECE", 7)
    quick = parse.milliseconds(column, "iso8601")
    monkeypatch.setattr(parse, "_usual_iso8601", lambda piece: None)
    careful = parse.milliseconds(column, "iso8601")
    np.testing.assert_array_equal(quick, careful)
    assert quick[1][: len(usual)].all()


def test_hour_alone_is_a_time():
    assert parse.milliseconds(pa.array(["2026-11-03T12+01:00"]), "iso8601")[0].tolist() == [NOON - 3600 * SECOND]


@pytest.mark.parametrize(("text", "value"), [("4,5", 4.5), (" -,5 ", -0.5), ("1e3", 1000.0), ("7", 7.0)])
def test_decimal_commas_are_read_where_they_are_announced(text, value):
    assert [part.tolist() for part in parse.floats(pa.array([text]), ",")] == [[value], [True]]
    assert parse.milliseconds(pa.array([text]), "milliseconds", ",")[1].tolist() == [True]


@pytest.mark.parametrize("text", ["1.5", "1.234,5", "1,2,3", "1,", ",", ""])
def test_points_and_stray_commas_are_no_numbers_beside_decimal_commas(text):
    assert parse.floats(pa.array([text]), ",")[1].tolist() == [text == "1,"]


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-30", "2026-13-01", "2026-11-03T25:00", "2026-11-03T12:60", "20261103", "1793707200", None],
)
def test_what_is_no_iso_time_is_marked(text):
    assert not parse.milliseconds(pa.array([text, "2026-11-03"]), "iso8601")[1][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", 3000), ("1.5", 1500), ("1.0004", 1000), ("1.0006", 1001), (" 7 ", 7000), ("1e3", 1_000_000), ("0", 0)],
)
def test_seconds_become_milliseconds(text, expected):
    values, is_time = parse.milliseconds(pa.array(["1", text]), "seconds")
    assert (values[1], is_time[1]) == (expected, True)


@pytest.mark.parametrize("text", ["NaN", "inf", "-inf", "", "x", "1_000", "1,5", None])
def test_what_is_no_number_is_marked_and_the_rest_is_not(text):
    values, is_time = parse.milliseconds(pa.array(["1", text, "2.5"]), "seconds")
    assert is_time.tolist() == [True, False, True]
    assert values[[0, 2]].tolist() == [1000, 2500]


@pytest.mark.parametrize(
    "text", ["9223372036854775807", "-9223372036854775808", "99999999999999999999", "1e300", "-1e300"]
)
@pytest.mark.parametrize("time_format", ["seconds", "milliseconds"])
def test_time_too_large_for_its_unit_stays_out_of_range(text, time_format):
    values, _ = parse.milliseconds(pa.array([text]), time_format)
    assert values[0] < 0 or values[0] > parse.LAST_TIME


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1_500, 2_000], pa.int32()), [1_500_000, 2_000_000]),
        (pa.array([1.5, 2.0]), [1500, 2000]),
        (pa.array([1_500_000, 2_000_000], pa.timestamp("us")), [1500, 2000]),
        (pa.array([1, 2], pa.timestamp("s", "Europe/Paris")), [1000, 2000]),
        (pa.array([1, 2], pa.date32()), [86_400_000, 2 * 86_400_000]),
    ],
)
def test_typed_times_become_milliseconds(column, expected):
    values, is_time = parse.milliseconds(column, "seconds")
    assert is_time.all()
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.timestamp("ms"), pa.date32()])
def test_null_is_no_time(kind):
    column = pa.array([1, None], pa.int64()).cast(pa.int32() if kind == pa.date32() else pa.int64()).cast(kind)
    assert parse.milliseconds(column, "milliseconds")[1].tolist() == [True, False]


def test_integers_beyond_64_bits_or_with_a_fraction_are_marked():
    assert parse.integers(pa.array(["1", "1.5", "99999999999999999999"]))[1].tolist() == [True, False, False]
    assert parse.integers(pa.array([1, 2**63], pa.uint64()))[1].tolist() == [True, False]
    assert parse.integers(pa.array([1.0, 1.5, 1e300, float("nan")]))[1].tolist() == [True, False, False, False]
