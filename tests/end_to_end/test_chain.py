"""The whole chain in processes of its own, on a small log whose order can be learnt, as a user would run it."""

import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.runners import metadata

ROOT = pathlib.Path(__file__).resolve().parents[2]
USERS, ITEMS, EVENTS = 150, 60, 20
HELD_OUT = 3  # users with items of their own in validation and test
KNOBS = [
    "model_check=null", "trainer.epochs=8", "trainer.learning_rate=0.01", "trainer.model.architecture.units=32",
    "trainer.patience=8",
]  # fmt: skip
STAGES = {
    "InteractionExampleGen", "InteractionSchema", "SequenceSchema", "StatisticsGen", "ExampleValidator", "DataGate",
    "SequenceGen", "Transform", "Trainer", "Evaluator", "Pusher",
}  # fmt: skip
_PATIENCE = 300  # seconds for a stage to begin, on a busy machine


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A log in which each item is followed by the next one of a ring; users begin where they like.

    Some users' last two items, which are their labels of validation and test, occur nowhere else.
    """
    path = tmp_path_factory.mktemp("data") / "planted.csv"
    begin = np.random.default_rng(0).integers(ITEMS, size=USERS)
    items = (begin[:, None] + np.arange(EVENTS)) % ITEMS
    names = np.char.add("i", items.astype(str)).astype(object)
    names[:HELD_OUT, -2:] = [[f"held-out-valid-{user}", f"held-out-test-{user}"] for user in range(HELD_OUT)]
    lines = [f"u{user},{item},{86_400 * step}" for user, row in enumerate(names) for step, item in enumerate(row)]
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(lines) + "\n")
    return path


def _start(data, root, *settings):
    command = [sys.executable, "-m", "pipeline.cli", "run", "--data", str(data), "--output", str(root)]
    command += [word for setting in (*KNOBS, *settings) for word in ("--set", setting)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ}
    )


def _run(data, root, *settings):
    """Runs to the end: exit status, what was printed, and the summary."""
    process = _start(data, root, *settings)
    printed, _ = process.communicate(timeout=2 * _PATIENCE)
    summary = root / "latest" / "summary.json"
    return process.returncode, printed, json.loads(summary.read_text()) if summary.exists() else None


def _kill_when(process, there):
    """kill -9, as soon as `there()` says so."""
    until = time.monotonic() + _PATIENCE
    while not there():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def first(data, tmp_path_factory):
    """The first run's root and what it ended with."""
    root = tmp_path_factory.mktemp("first") / "runs"
    return root, *_run(data, root)


def test_the_first_run_ends_blessed_and_pushed(first):
    _, status, printed, summary = first
    assert status == 0, printed
    assert summary["blessed"]
    assert summary["pushed"]
    assert (pathlib.Path(summary["pushed_model"]) / "saved_model.pb").exists()
    assert summary["metrics"]["test"]["ndcg@10"] > 2 * summary["metrics"]["popularity"]["ndcg@10"]


def test_the_first_run_prints_a_line_a_stage_and_nothing_of_the_libraries(first):
    _, _, printed, _ = first
    shown = [line.split()[0] for line in printed.splitlines() if line.endswith(" s")]
    assert set(shown) == STAGES
    assert "Warning" not in printed
    assert "Traceback" not in printed


def test_the_summary_says_where_everything_is_and_what_ran(first):
    _, _, _, summary = first
    assert set(summary["stages"]) == STAGES
    assert not any(stage["cached"] for stage in summary["stages"].values())
    assert 0 < summary["fit_seconds"] < summary["wall_seconds"]
    assert all(pathlib.Path(path).exists() for path in summary["paths"].values())
    assert summary["data"][0]["read"] == USERS * EVENTS
    assert summary["config"]["trainer"]["epochs"] == 8
    assert {"python", "tfx", "tensorflow"} <= set(summary["stack"])


def test_nothing_of_validation_or_test_reaches_vocabulary_counts_or_the_model(data, first):
    root, _, _, summary = first
    lines = [line.split(",") for line in data.read_text().splitlines()[1:]]
    train = collections.Counter(item for _, item, time in lines if int(time) < 86_400 * (EVENTS - 2))
    (counts,) = root.glob("artifacts/SequenceGen/item_counts/*/item_counts.parquet")
    assert dict(zip(*pq.read_table(counts).to_pydict().values(), strict=True)) == train
    (graph,) = root.glob("artifacts/Transform/transform_graph/*")
    (vocabulary,) = graph.glob("transform_fn/assets/items*")
    assert set(vocabulary.read_text().split()) == set(train)
    learnt_from_data = [graph, *root.glob("artifacts/Trainer/*/*"), pathlib.Path(summary["pushed_model"])]
    files = [file for folder in learnt_from_data for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 10
    assert [file for file in files if b"held-out-" in file.read_bytes()] == []
    (folder,) = root.glob("artifacts/Evaluator/evaluation/*/per_user")
    rows = pq.read_table(folder).to_pylist()  # where they belong: labels that no training saw, and so never a hit
    held_out = {row["label"]: row["rank"] for row in rows if row["label"].startswith("held-out-")}
    assert held_out == {f"held-out-{split}-{n}": 0 for split in ("valid", "test") for n in range(HELD_OUT)}


def test_a_second_run_takes_every_stage_from_the_cache_and_pushes_nothing(data, first):
    root, _, _, before = first
    status, printed, summary = _run(data, root)
    assert status == 0, printed
    assert all(stage["cached"] for stage in summary["stages"].values()), printed
    assert not summary["pushed"]
    assert summary["pushed_model"] == before["pushed_model"]
    assert summary["metrics"] == before["metrics"]
    assert len(list((root / "serving" / "movielens").glob("[0-9]*"))) == 1


def test_a_model_that_is_not_blessed_ends_with_status_3_and_leaves_what_is_served(data, first):
    root, _, _, before = first
    status, printed, summary = _run(data, root, "evaluator.min_lift=1000")
    assert status == 3, printed
    assert not summary["blessed"]
    assert "Not blessed: ndcg@10 on validation is" in printed
    assert [stage for stage, did in summary["stages"].items() if not did["cached"]] == ["Evaluator", "Pusher"]
    assert (pathlib.Path(before["pushed_model"]) / "saved_model.pb").exists()


@pytest.fixture(scope="module")
def killed(data, tmp_path_factory):
    """A root whose first run was killed in Transform, the second in training: root, and what the third ended with."""
    root = tmp_path_factory.mktemp("killed") / "runs"
    _kill_when(_start(data, root), lambda: any((root / "artifacts" / "Transform").glob("*/*")))
    _kill_when(_start(data, root), lambda: any((root / "checkpoints").glob("*/*.npz")))
    return root, *_run(data, root)


def test_a_chain_killed_in_transform_and_in_training_ends_like_one_that_was_not(first, killed):
    _, _, _, uninterrupted = first
    root, status, printed, summary = killed
    assert status == 0, printed
    assert summary["metrics"] == uninterrupted["metrics"]
    assert summary["stages"]["SequenceGen"]["cached"]
    assert summary["stages"]["Transform"]["cached"]
    log = (root / "latest" / "run.log").read_text()
    assert "Epoch 1 of at most" not in log  # it went on from the checkpoint
    assert "Epoch 8 of at most" in log
    left = metadata.connect(root / "metadata.sqlite").get_executions()
    assert all(execution.last_known_state != pb.Execution.RUNNING for execution in left)
    assert not list((root / "checkpoints").glob("*/*"))


def test_gc_leaves_what_a_rerun_needs_and_a_model_taken_away_by_hand_is_pushed_anew(data, killed):
    root, _, _, before = killed
    shown = [_gc(root), _gc(root, "--yes"), _gc(root)]
    assert "of a run that was killed or failed" in shown[0]
    assert "Nothing was deleted" in shown[0]
    assert "Deleted." in shown[1]
    assert "Nothing to delete." in shown[2]
    assert (pathlib.Path(before["pushed_model"]) / "saved_model.pb").exists()
    shutil.rmtree(root / "serving")
    status, printed, summary = _run(data, root)
    assert status == 0, printed
    assert [stage for stage, did in summary["stages"].items() if not did["cached"]] == ["Pusher"]
    assert summary["pushed"]
    assert (pathlib.Path(summary["pushed_model"]) / "saved_model.pb").exists()
    assert summary["metrics"] == before["metrics"]


def _gc(root, *words):
    command = [sys.executable, "-m", "pipeline.cli", "gc", "--output", str(root), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_a_good_model_whose_server_is_too_slow_is_not_pushed_and_the_run_says_so(data, first):
    root, _, _, before = first
    status, printed, summary = _run(data, root, "model_check={requests: 5, max_latency_ms: 0.01}")
    assert status == 3, printed
    assert [stage for stage, did in summary["stages"].items() if not did["cached"]] == ["ModelCheck", "Pusher"]
    assert "can't be served" in summary["why"]
    assert "model_check.max_latency_ms" in summary["why"]
    assert (pathlib.Path(before["pushed_model"]) / "saved_model.pb").exists()
