import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_gate.interactions import count
from schemas.histories import order


def write(path, rows, row_group_size=None):
    columns = [pa.array([[value] for value in column]) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, ["user_id", "item_id", "timestamp", "tie"]), path, row_group_size=row_group_size)
    return str(path)


def test_labels_and_repeats_of_a_small_log(tmp_path):
    rows = [("a", "x", 1, 1), ("a", "y", 2, 2), ("a", "x", 3, 3), ("b", "x", 1, 4), ("b", "x", 1, 4)]
    counts = count([write(tmp_path / "a.parquet", rows)])
    # a: 3 events, 2 labels, the second repeats x; b: its two rows are the same event, so no label.
    assert (counts.users, counts.users_with_one_event, counts.items) == (2, 1, 2)
    assert (counts.duplicates, counts.labels, counts.repeated_labels) == (1, 2, 1)
    assert (counts.first_time, counts.last_time, counts.sampled_users) == (1, 3, 1.0)


def test_same_event_of_two_times_is_no_duplicate(tmp_path):
    counts = count([write(tmp_path / "a.parquet", [("a", "x", 1, 1), ("a", "x", 2, 1)])])
    assert (counts.duplicates, counts.repeated_labels) == (0, 1)


def test_sample_of_users_gives_about_the_same_shares(tmp_path):
    rng = np.random.default_rng(1)
    n = 20_000
    users, items = rng.integers(0, 2000, n), rng.integers(0, 30, n)
    rows = [(f"u{u}", f"i{i}", t, t) for t, (u, i) in enumerate(zip(users, items, strict=True))]
    path = write(tmp_path / "a.parquet", rows, row_group_size=3000)
    exact, sampled = count([path]), count([path], rows_held=5000)
    assert (exact.sampled_users, sampled.sampled_users) == (1.0, 0.25)
    assert sampled.repeated_labels / sampled.labels == pytest.approx(exact.repeated_labels / exact.labels, rel=0.1)
    assert sampled.users == pytest.approx(exact.users, rel=0.15)
    assert (sampled.first_time, sampled.last_time) == (exact.first_time, exact.last_time)


def test_single_user_of_many_events_is_in_every_sample(tmp_path):
    rows = [("only", f"i{n % 50}", n, n) for n in range(1000)]
    counts = count([write(tmp_path / "a.parquet", rows)], rows_held=10)
    assert (counts.items, counts.repeated_labels / counts.labels) == (50, pytest.approx(950 / 999))


def test_files_without_rows_count_nothing(tmp_path):
    table = pa.table({name: pa.array([], pa.list_(pa.string())) for name in ("user_id", "item_id", "timestamp", "tie")})
    pq.write_table(table, tmp_path / "a.parquet")
    assert count([str(tmp_path / "a.parquet")]).labels == 0


def test_repeats_are_counted_in_sessions_where_a_pause_ends_them(tmp_path):
    minute = 60_000
    times = (0, 10, 40, 71)  # the last pause alone is longer than 30 minutes
    rows = [("a", "x", time * minute, n) for n, time in enumerate(times)] + [("b", "x", 0, 9)]
    path = write(tmp_path / "a.parquet", rows[::-1])
    counts = count([path], session_gap=30)
    assert (counts.users, counts.sessions, counts.labels, counts.repeated_labels) == (2, 3, 2, 2)
    assert (count([path]).sessions, count([path]).labels, count([path]).repeated_labels) == (None, 3, 3)


def test_sessions_are_those_that_sequence_gen_makes(tmp_path):
    rng = np.random.default_rng(2)
    n = 3000
    rows = [(f"u{u}", f"i{i}", int(t), k) for k, (u, i, t) in enumerate(rng.integers(0, (9, 5, 10**6), (n, 3)))]
    counts = count([write(tmp_path / "a.parquet", rows)], session_gap=5 / 60)
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp", "tie"], orient="row")
    ordered, _ = order(events, session_gap=5 / 60)
    pairs = ordered.select("user", "item_id").unique().height
    assert counts.sessions == ordered["user"].n_unique()
    assert (counts.labels, counts.repeated_labels) == (n - counts.sessions, n - pairs)
