"""The Evaluator's rows, added up."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inspection.report import tested
from schemas import records

ROWS = [
    {"split": split, "user_id": f"u{n % 30}", "label": f"i{n % 7}", "label_timestamp": n, "rank": None if n == 5 else n,
     "popularity_rank": n, "top_items": ["i1", f"i{n % 3}", ""], "history_length": "1-4" if n % 2 else "0"}
    for n in range(60) for split in ("valid", "test")
]  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def written(rows, name):
        (tmp_path / name).mkdir()
        half = len(rows) // 2
        for part, of in enumerate((rows[:half], rows[half:])):
            pq.write_table(pa.Table.from_pylist(of, records.PER_USER), tmp_path / name / f"rows-{part}.parquet")
        return tested.read(str(tmp_path / name), "test", 2)

    return written


def test_counts_of_the_split_alone(read):
    found = read(ROWS, "rows")
    assert found.rows == 60
    assert found.lengths == {"0": 30, "1-4": 30}
    assert dict(found.shown.iter_rows()) == {"i1": 79, "i0": 20, "i2": 19}  # of 59 ranked: i1 always, once more of 20
    assert found.labels["count"].sum() == 59
    assert set(found.ranks) == {"candidate", "popularity"}  # nobody has the baseline's
    assert len(found.ranks["candidate"]) == len(found.users) == 59


def test_the_same_users_are_chosen_whatever_the_order_of_rows(read):
    mixed = ROWS[:]
    random.Random(0).shuffle(mixed)
    first, second = read(ROWS, "rows").chosen, read(mixed, "mixed").chosen
    assert first == second
    assert len({row["user_id"] for row in first}) == len(first) == tested.PEOPLE
    assert all(row["label_timestamp"] < 30 or row["user_id"] == "u5" for row in first)  # the earliest of each


def test_no_rows_are_none(read, tmp_path):
    assert read([row for row in ROWS if row["split"] == "valid"], "valid") is None
    assert tested.read(str(tmp_path / "nowhere"), "test", 10) is None
