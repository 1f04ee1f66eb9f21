"""Histories and titles out of Parquet."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inspection.report import interactions
from inspection.report.interactions import Wanted

MINUTE = 60_000
EVENTS = [("u", "c", 90, 0), ("u", "a", 0, 1), ("v", "a", 5, 0), ("u", "b", 1, 7), ("u", "d", 1, 2), ("w", "c", 1, 1)]


@pytest.fixture
def events(tmp_path):
    columns = zip(*EVENTS, strict=True)
    kinds = {"user_id": pa.string(), "item_id": pa.string(), "timestamp": pa.int64(), "tie": pa.int64()}
    table = {
        name: pa.array([[value * MINUTE if name == "timestamp" else value] for value in values], pa.list_(kind))
        for (name, kind), values in zip(kinds.items(), columns, strict=True)
    }
    (tmp_path / "Split-all").mkdir()
    pq.write_table(pa.table(table), tmp_path / "Split-all" / "interactions-0.parquet", row_group_size=2)
    return str(tmp_path)


def test_a_history_is_in_the_order_of_times_then_ties_up_to_the_label(events):
    found = interactions.histories(events, [Wanted("u", "c", 90 * MINUTE), Wanted("v", "a", 5 * MINUTE)], None)
    assert found == {"u": ("a", "d", "b"), "v": ()}


def test_a_label_that_is_nowhere_leaves_its_user_out(events):
    assert interactions.histories(events, [Wanted("u", "c", 1), Wanted("x", "a", 1)], None) == {}


def test_a_session_begins_after_a_gap(events):
    wanted = [Wanted("u/1", "c", 90 * MINUTE), Wanted("u/0", "b", MINUTE)]
    assert interactions.histories(events, wanted, 30.0) == {"u/1": (), "u/0": ("a", "d")}


def test_events_are_counted_by_user_unless_there_are_too_many(events, monkeypatch):
    assert sorted(interactions.events_a_user(events)) == [1, 1, 4]
    monkeypatch.setattr(interactions, "COUNTED", 5)
    assert interactions.events_a_user(events) is None


def test_titles_come_from_lists_and_from_plain_columns(tmp_path):
    lists = {
        "item_id": pa.array([["a"], ["b"], ["c"]]),
        "title": pa.array([["A"], [], None], pa.list_(pa.string())),
    }
    pq.write_table(pa.table(lists), tmp_path / "lists.parquet")
    assert interactions.titles(str(tmp_path / "lists.parquet"), ["a", "b", "c"]) == {"a": "A"}
    pq.write_table(pa.table({"item_id": ["a", "z"], "title": ["A", "Z"]}), tmp_path / "plain.parquet")
    assert interactions.titles(str(tmp_path / "plain.parquet"), ["z"]) == {"z": "Z"}


def test_nothing_there_is_nothing_found(tmp_path):
    assert interactions.dataset(str(tmp_path / "none")) is None
    assert interactions.titles(str(tmp_path), ["a"]) == {}
    assert interactions.events_a_user(str(tmp_path)) is None
