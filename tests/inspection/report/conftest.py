"""Runs whose artifacts hold made data, hostile ids among them."""

import json
import pathlib

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.made_runs import FROM_CACHE, MadeRuns
from inspection.connection import sqlite_store
from inspection.store import Store
from schemas import records

FIRST, SECOND, FAILED = "2026-01-01T000000", "2026-01-02T000000", "2026-01-03T000000"
SCRIPT = "<script>alert(1)</script>"
ITEMS = [SCRIPT, "</script><b>bold</b>", '"><img src=x onerror=alert(2)>', *(f"item{n}" for n in range(3, 40))]
USERS = [SCRIPT, "<a href=javascript:alert(3)>user</a>", *(f"user{n}" for n in range(2, 25))]
DAY = 86_400_000


def history(user):
    """Items of a user's events, oldest first; the last is the label of test."""
    return [ITEMS[(user * 7 + step * step) % len(ITEMS)] for step in range(4 + user)]


def interval(value, width=0.05):
    return {"value": value, "low": max(value - width, 0.0), "high": value + width}


def metrics(ndcg):
    of = {f"{name}@10": interval(ndcg * times) for name, times in (("ndcg", 1.0), ("hr", 1.8), ("mrr", 0.8))}
    return of | {"examples": {"value": 25.0, "low": None, "high": None}}


def evaluation(head="next_item"):
    """metrics.json."""
    slices = ["history_length=1-4", "history_length=5-19", "history_length=20-49",
              "label_popularity=head", "label_popularity=<img src=x onerror=alert(4)>", "label_repeats=0"]  # fmt: skip
    test = {
        "candidate": {part: metrics(0.3) for part in ["overall", *slices]},
        "popularity": {part: metrics(0.1) for part in ["overall", *slices]},
        "baseline": {part: metrics(0.25) for part in ["overall", *slices]},
    }
    for k, share in ((1, 0.1), (5, 0.4), (10, 0.6)):
        test["candidate"]["overall"][f"coverage@{k}"] = {"value": share, "low": None, "high": None}
    if head == "rating":
        test["candidate"]["overall"] |= {"rmse": interval(0.91), "mae": interval(0.7)}
        test["item_mean"] = {"overall": {"rmse": interval(0.99), "mae": interval(0.8)}}
    return {"test": test, "valid": {"candidate": {"overall": metrics(0.32)}}}


@pytest.fixture(scope="session")
def write():
    """Writes a run's artifacts where its store says they lie."""

    def put(root, run, *, shift=0, head="next_item"):
        def at(stage, key):
            folder = pathlib.Path(root) / "artifacts" / stage / key / run
            folder.mkdir(parents=True, exist_ok=True)
            return folder

        def put_json(stage, key, name, value):
            (at(stage, key) / name).write_text(json.dumps(value))

        events = [(USERS[user], item, DAY * step + shift) for user in range(len(USERS))
                  for step, item in enumerate(history(user))]  # fmt: skip
        columns = {"user_id": pa.string(), "item_id": pa.string(), "timestamp": pa.int64()}
        rows = {name: pa.array([[row[place]] for row in events], pa.list_(kind))
                for place, (name, kind) in enumerate(columns.items())}  # fmt: skip
        rows["tie"] = pa.array([[n] for n in range(len(events))], pa.list_(pa.int64()))
        folder = at("InteractionExampleGen", "examples") / "Split-all"
        folder.mkdir(exist_ok=True)
        pq.write_table(pa.table(rows), folder / "interactions-0.parquet")
        rejected = [{"file": "log.csv", "line": 7, "reason": "no user", "text": f",{SCRIPT},12"}]
        pq.write_table(
            pa.Table.from_pylist(rejected, records.REJECTED),
            at("InteractionExampleGen", "rejected") / "rows-0.parquet",
        )
        file = {"name": "log.csv", "size": 1000, "sha256": "ab" * 32, "read": len(events) + 1, "rejected": 1}
        read = {"read": len(events) + 1, "used": len(events), "rejected": 1, "reasons": {"no user": 1}, "files": [file]}
        put_json("InteractionExampleGen", "rejected", "counts.json", read)
        gate = {"first_time": 0, "last_time": 30 * DAY, "anomalies": [], "warnings": ["Few users."]}
        put_json("DataGate", "report", "data.json", gate)
        counts = pl.DataFrame({"item_id": ITEMS[: 30 + shift], "count": [40 - n for n in range(30 + shift)]})
        counts.write_parquet(at("SequenceGen", "item_counts") / "item_counts.parquet")
        told = {"users": 25, "items": 30 + shift, "training_interactions": len(events), "interactions": len(events),
                "examples": {"train": 50, "valid": 25, "test": 25}, "cold_labels": {"test": 2}}  # fmt: skip
        put_json("SequenceGen", "report", "sequences.json", told)
        epochs = [{"loss": 5 - n / 3, "val_loss": 5 - n / 4, "val_ndcg@10": n / 20, "seconds": 1.0} for n in range(6)]
        training = {"epochs": 6, "best_epoch": 5, "fit_seconds": 61.0, "positions_per_second": 1234.5,
                    "history": epochs, "hyperparameters": {"learning_rate": 0.002}}  # fmt: skip
        put_json("Trainer", "model_run", "training.json", training)
        extra = at("Trainer", "model") / "Format-Serving" / "assets.extra"
        extra.mkdir(parents=True, exist_ok=True)
        titles = {"item_id": ["item5", "item9"], "title": ["A title", f"Title {SCRIPT}"]}
        pl.DataFrame(titles).write_parquet(extra / "items.parquet")
        put_json("Evaluator", "evaluation", "metrics.json", evaluation(head))
        why = "Blessed: ndcg@10 on validation is 0.3200, 3.2 times the most-popular baseline's 0.1000."
        checks = [{"name": "beats_popularity", "passed": True, "why": why[9:], "figures": {}}]
        put_json("Evaluator", "evaluation", "blessing.json", {"blessed": True, "why": why, "checks": checks})
        rows = [
            {"split": split, "user_id": USERS[user], "label": history(user)[-1], "rank": 1 + user % 13,
             "label_timestamp": DAY * (len(history(user)) - 1) + shift,
             "popularity_rank": 5 + user, "baseline_rank": 2 + user,
             "top_items": [ITEMS[(user + n * n) % 38] for n in range(20)], "history_length": "5-19",
             "label_popularity": "head", "label_repeats": 0}
            for split in ("valid", "test") for user in range(len(USERS))
        ]  # fmt: skip
        per_user = at("Evaluator", "evaluation") / "per_user"
        per_user.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, records.PER_USER), per_user / "rows-0.parquet")

    return put


@pytest.fixture(scope="module")
def root(tmp_path_factory, write):
    """Three runs: whole, whole upon other data, and one that failed in Trainer."""
    made = MadeRuns(tmp_path_factory.mktemp("runs"))
    made.add(FIRST)
    write(made.root, FIRST)
    made.add(SECOND)
    write(made.root, SECOND, shift=2)
    made.add(FAILED, cached=FROM_CACHE, failed="Trainer")
    return made.root


@pytest.fixture
def store(root):
    return Store(sqlite_store(root / "metadata.sqlite"))
