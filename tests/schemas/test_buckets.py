"""Pieces of batches on their way to buckets."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import buckets as b


def _batch(users: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(users, pa.string()), pa.array(range(len(users)))], ["user_id", "row"])


# The first text reads all of Unicode, 1.7 s on a busy machine, and the first batch loads Arrow.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.text(max_size=4), max_size=40), st.integers(1, 50))
def test_each_row_is_in_one_bucket_and_each_user_in_one(users, buckets):
    pieces = {bucket: b.unpack([piece]) for bucket, piece in b.split(_batch(users), buckets)}
    assert sorted(row for piece in pieces.values() for row in piece["row"]) == list(range(len(users)))
    homes = [(user, bucket) for bucket, piece in pieces.items() for user in set(piece["user_id"])]
    assert len(homes) == len(set(users))
    assert all(0 <= bucket < buckets for bucket in pieces)


def test_flatten_takes_lists_off_and_reads_a_missing_value_as_null():
    batch = pa.RecordBatch.from_arrays(
        [pa.array([["a"], ["b"], ["c"]]), pa.array([[1.5], [], None], pa.list_(pa.float32()))], ["item_id", "weight"]
    )
    assert b.flatten(batch).to_pydict() == {"item_id": ["a", "b", "c"], "weight": [1.5, None, None]}


def test_number_of_buckets_follows_from_the_rows():
    assert [b.number_of_buckets(rows) for rows in (0, 1, 250_000, 250_001, 10**9)] == [1, 1, 1, 2, 4000]
