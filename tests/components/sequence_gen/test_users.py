"""The users table meets the users of a bucket."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from components.sequence_gen import users
from schemas import buckets
from schemas import features as f
from schemas.histories import USER

GENRES = f.FEATURE_PREFIX + "genre"
EVENTS = pl.DataFrame({USER: [1, 1, 2, 3], f.USER_ID: ["ann", "ann", "bob", "cy"]})


def _table(rows: dict[str, list]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [
            pa.array([[user] for user in rows], pa.list_(pa.string())),
            pa.array(list(rows.values()), pa.list_(pa.string())),
        ],
        names=[f.USER_ID, GENRES],
    )


def _of(table: pa.RecordBatch | None, events: pl.DataFrame = EVENTS, *, sessions: bool = False) -> list:
    pieces = [piece for _, piece in users.split(table, 1)] if table else []
    (lists,) = users.features(events, pieces, [GENRES], sessions=sessions).items()
    assert lists[0] == f.USER_FEATURE_PREFIX + "genre"
    return lists[1].of(pl.Series(range(events[USER].n_unique())).to_numpy()).to_pylist()


def test_each_user_gets_the_lists_of_its_row_and_an_empty_one_without_a_row():
    table = _table({"cy": ["jazz"], "dee": ["folk"], "ann": ["pop", "rock"]})
    assert _of(table) == [[b"pop", b"rock"], [], [b"jazz"]]
    assert _of(None) == [[], [], []]


def test_empty_list_stays_empty_and_a_user_of_two_rows_counts_once():
    table = pa.Table.from_batches([_table({"ann": [], "bob": ["pop"]}), _table({"ann": ["jazz"]})])
    assert _of(table.combine_chunks().to_batches()[0]) == [[], [b"pop"], []]


def test_sessions_get_the_row_of_their_user_whose_id_may_look_like_a_session():
    events = pl.DataFrame({USER: [1, 2, 3, 4], f.USER_ID: ["ann/1", "ann/2", "bob/7/1", "bob/1"]})
    table = _table({"ann": ["pop"], "bob/7": ["jazz"]})
    assert _of(table, events, sessions=True) == [[b"pop"], [b"pop"], [b"jazz"], []]
    assert _of(_table({"ann/2": ["pop"]}), events) == [[], [b"pop"], [], []]


def test_rows_of_a_user_meet_its_interactions_in_one_bucket():
    names = [f"u{n}" for n in range(200)]
    table, plain = _table({name: [name] for name in names}), pa.RecordBatch.from_arrays([pa.array(names)], [f.USER_ID])
    of_table = {bucket: buckets.unpack([piece])[f.USER_ID].to_list() for bucket, piece in users.split(table, 7)}
    of_log = {bucket: buckets.unpack([piece])[f.USER_ID].to_list() for bucket, piece in buckets.split(plain, 7)}
    assert of_table == of_log


def test_features_are_the_columns_that_say_so():
    table = pa.schema(
        [(f.USER_ID, pa.list_(pa.string())), ("title", pa.list_(pa.string())), (GENRES, pa.list_(pa.string()))]
    )
    assert users.names(table) == (GENRES,)
