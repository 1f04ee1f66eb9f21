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
