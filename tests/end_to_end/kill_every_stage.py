"""kill -9 in every stage in turn, at the worst moment, and the same command again. `make test-kill`: several minutes.

The worst moment: all of a stage's output is written, and nothing recorded of it. Each run goes on from what the killed
one before it left; the last one must end as one that was never killed.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.runners import metadata

ROOT = pathlib.Path(__file__).resolve().parents[2]
USERS, ITEMS, EVENTS = 150, 60, 20
KNOBS = ["model_check=null", "trainer.epochs=8", "trainer.learning_rate=0.01", "trainer.model.architecture.units=32"]
STAGES = [
    "InteractionExampleGen", "InteractionSchema", "SequenceSchema", "StatisticsGen", "ExampleValidator", "DataGate",
    "SequenceGen", "Transform", "Trainer", "Evaluator", "Pusher",
]  # fmt: skip
# Runs the command line; dies, as by kill -9, when the stage named first has done its work.
DYING = """
import os, signal, sys
from pipeline.cli import __main__ as command_line
command_line.prepare_environment()
from tfx.orchestration.portable import python_executor_operator as operator
stage, work = sys.argv.pop(1), operator.run_with_executor
def work_and_die(execution_info, executor):
    output = work(execution_info, executor)
    if execution_info.pipeline_node.node_info.id == stage:
        os.kill(os.getpid(), signal.SIGKILL)
    return output
operator.run_with_executor = work_and_die
command_line.main()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A log in which each item is followed by the next one of a ring; users begin where they like."""
    path = tmp_path_factory.mktemp("data") / "planted.csv"
    begin = np.random.default_rng(0).integers(ITEMS, size=USERS)
    items = (begin[:, None] + np.arange(EVENTS)) % ITEMS
    lines = [f"u{user},i{item},{86_400 * step}" for user, row in enumerate(items) for step, item in enumerate(row)]
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(lines) + "\n")
    return path


def seqrank(*words, dies_in=None):
    """(exit status, what was printed)."""
    how = ["-c", DYING, dies_in] if dies_in else ["-m", "pipeline.cli"]
    done = subprocess.run(
        [sys.executable, *how, *words], cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def run(data, root, dies_in=None):
    settings = [word for knob in KNOBS for word in ("--set", knob)]
    return seqrank("run", "--data", str(data), "--output", str(root), *settings, dies_in=dies_in)


def summary(root):
    return json.loads((root / "latest" / "summary.json").read_text())


def last_states(root):
    """Of the newest run: stage -> state."""
    store = metadata.connect(root / "metadata.sqlite")
    newest = max((path.name for path in root.glob("20*")), default="")
    return {stage.node: stage.state for stage in metadata.executions(store, newest).values() if not stage.resolver}


@pytest.fixture(scope="module")
def killed(data, tmp_path_factory):
    """The root in which a run died in every stage."""
    return tmp_path_factory.mktemp("killed") / "runs"


@pytest.mark.parametrize("stage", STAGES)
def test_run_that_dies_in_a_stage_repeats_the_one_that_the_run_before_died_in_and_no_other(data, killed, stage):
    status, printed = run(data, killed, dies_in=stage)
    assert status == -9, printed
    states = last_states(killed)
    print(stage, states)
    before = STAGES[: STAGES.index(stage)]
    # Only the stage in which the run before died had to be done again.
    expected = dict.fromkeys(before[:-1], "CACHED") | dict.fromkeys(before[-1:], "COMPLETE")
    assert states == {**expected, stage: "RUNNING"}


def test_last_run_ends_as_one_that_was_never_killed(data, killed, tmp_path):
    status, printed = run(data, killed)
    assert status == 0, printed
    assert run(data, tmp_path / "runs")[0] == 0
    after, never = summary(killed), summary(tmp_path / "runs")
    assert after["metrics"] == never["metrics"]
    assert after["blessed"]
    assert [path.name for path in killed.glob("serving/movielens/[0-9]*")] == [pathlib.Path(after["pushed_model"]).name]
    left = metadata.connect(killed / "metadata.sqlite").get_executions()
    assert all(execution.last_known_state != pb.Execution.RUNNING for execution in left)
    assert not list((killed / "checkpoints").glob("*/*"))


def test_gc_takes_what_the_killed_runs_left_and_the_next_run_is_all_cached(data, killed):
    words = ("--output", str(killed), "--set", "run.keep.runs=1")
    status, shown = seqrank("gc", *words)
    assert status == 0, shown
    assert "of a run that was killed or failed" in shown
    assert "Nothing was deleted" in shown
    assert seqrank("gc", *words, "--yes")[0] == 0
    assert "Nothing to delete." in seqrank("gc", *words)[1]
    before = summary(killed)
    status, printed = run(data, killed)
    assert status == 0, printed
    after = summary(killed)
    assert all(stage["cached"] for stage in after["stages"].values()), printed
    assert after["pushed_model"] == before["pushed_model"]
    assert (pathlib.Path(after["pushed_model"]) / "saved_model.pb").exists()
