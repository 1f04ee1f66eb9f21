"""A log's section of the configuration, and what stops it before anything is read."""

import numpy as np
import polars as pl
import pytest

from pipeline.guess import document, log
from schemas.errors import DataError

N = 500
RNG = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {
        "visitor": pl.Series(RNG.integers(0, 50, N)).cast(pl.String).str.zfill(6),
        "sku": RNG.integers(0, 90, N),
        "at": pl.from_epoch(pl.Series(1_700_000_000 + np.sort(RNG.integers(0, 10**6, N)))).dt.strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ),
        "what": np.array(["view", "buy"])[RNG.integers(0, 2, N)],
        "surface": np.array(["app", "web"])[RNG.integers(0, 2, N)],
    }
)


@pytest.fixture
def look(tmp_path):
    def _look(frame=FRAME, name="log.csv", **kwargs):
        path = tmp_path / name
        frame.write_parquet(path) if name.endswith("parquet") else frame.write_csv(path, **kwargs)
        return log.look(str(path))

    return _look


def section(seen):
    return document.values(list(log.reading(["x"], seen)))["example_gen"]


def test_text_says_how_it_is_written(look):
    assert section(look(separator=";", include_header=False)) == {
        "data": ["x"],
        "columns": {
            "user": "column_1",
            "item": "column_2",
            "timestamp": "column_3",
            "event": "column_4",
            "context": ["column_4", "column_5"],
        },
        "time_format": "iso8601",
        "delimiter": ";",
        "column_names": [f"column_{n}" for n in range(1, 6)],
    }


def test_parquet_with_times_needs_no_format(look):
    frame = FRAME.with_columns(pl.col("at").str.to_datetime(time_zone="UTC"))
    found = section(look(frame, "log.parquet"))
    assert set(found) == {"data", "columns"}
    assert found["columns"]["timestamp"] == "at"


def test_a_stream_says_that_it_has_no_user(look):
    assert section(look(FRAME.select("sku", "at")))["columns"] == {"user": None, "item": "sku", "timestamp": "at"}


def test_told_roles_win_and_an_unknown_column_is_named(look):
    seen = look().told({"item": "surface"})
    assert seen.roles.column("item") == "surface"
    with pytest.raises(DataError, match="there is no column 'skus'"):
        look().told({"item": "skus"})


@pytest.mark.parametrize(
    ("format", "says"), [("%d.%m.%Y %H:%M", "str.to_datetime"), ("%s000000", "pl.from_epoch"), ("%s000000000", '"ns"')]
)
def test_times_that_the_reader_does_not_take_say_how_to_change_them(look, format, says):
    times = pl.col("at").str.to_datetime(time_zone="UTC")
    seconds = times.dt.epoch("s").cast(pl.String)
    times = seconds + format[2:] if format.startswith("%s") else times.dt.strftime(format)
    seen = look(FRAME.with_columns(at=times))
    assert seen.roles.column("timestamp") == "at"
    with pytest.raises(DataError, match=says):
        log.check_time(seen)


def test_an_event_of_unknown_meaning_counts_one_and_is_told():
    knob, unknown = log.event_weights({"view": 5, "": 1, "frob": 3, "purchase": 2})
    assert knob.value == {"view": 1.0, "frob": 1.0, "purchase": 4.0}
    assert unknown == ["frob"]


@pytest.mark.parametrize(("text", "says"), [("a\n1\n", "only one column"), ("a,b\n", "no row")])
def test_a_file_without_what_a_log_needs_is_refused(tmp_path, text, says):
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        log.look(str(path))
