"""The Trainer's stage on two machines: the chief's executor, and the command that the other one runs."""

import json
import logging
import sys

import numpy as np
import pytest

from components.trainer import run, worker
from components.trainer.options import Options
from components.trainer.task import Task, wait_for
from ranker import saved
from schemas.artifacts import TRAINING_FILE
from schemas.errors import ConfigError, ModelError

OPTIONS = Options(
    batch_size=4, recommendations=3, refit=True,
    model={"embedding_dim": 4, "dropout": 0.0, "gap_embedding": True, "architecture": {"name": "lstm", "units": 4}},
)  # fmt: skip
TASK = Task(["a"], ["b"], "graph", "model", "run", None, {"task_file": "there"})


def record(folder):
    return json.loads((folder / "run" / TRAINING_FILE).read_text())


def test_two_machines_train_and_the_chief_exports_what_one_would(execute, machines, monkeypatch, tmp_path):
    logging.getLogger().setLevel(logging.INFO)
    alone, together = tmp_path / "alone", tmp_path / "together"
    task = together / "checkpoints" / "task.json"
    other = machines.start("worker", [sys.executable, "-m", worker.MODULE, "--task", str(task), "--wait", "300"])
    execute(alone, OPTIONS)
    monkeypatch.setenv("TF_CONFIG", machines.config("chief"))
    execute(together, OPTIONS)
    assert other.wait(timeout=60) == 0, machines.said(other)[-3000:]
    assert "Epoch 2 of at most 2" in machines.said(other)
    one, two = record(alone), record(together)
    assert (one["machines"], two["machines"], two["device"]) == (1, 2, "CPU x 2")
    for before, after in zip(one["history"], two["history"], strict=True):
        assert {**after, "seconds": 0} == pytest.approx({**before, "seconds": 0}, rel=1e-3)
    for name in ("Format-Serving", "Format-Refit"):
        answers = [saved.load(folder / "model" / name).recommend([["i0", "i1"]]) for folder in (alone, together)]
        np.testing.assert_array_equal(answers[0].item_ids, answers[1].item_ids)
        np.testing.assert_allclose(answers[0].scores, answers[1].scores, rtol=1e-3)
    assert list((together / "checkpoints").iterdir()) == []


def test_a_stage_on_another_machine_than_the_chief_is_refused_with_the_command_to_run(machines, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", machines.config("worker"))
    with pytest.raises(ConfigError, match=r"components\.trainer\.worker --task there"):
        run.run_fn(TASK)


def test_the_chiefs_error_is_what_its_process_said_last(tmp_path):
    with pytest.raises(ModelError, match="several machines failed") as failed:
        worker._run([sys.executable, "-m", worker.MODULE, "--task", str(tmp_path / "none.json"), "--wait", "0"])
    assert "left no task within 0 s" in failed.value.why


def test_a_task_is_read_as_it_was_written(tmp_path):
    path = str(tmp_path / "checkpoints" / "task.json")
    TASK.write(path)
    assert wait_for(path, 0.0) == TASK
    assert Task(["a"], ["b"], "graph", "elsewhere", "run", None, {"task_file": "there"}).digest == TASK.digest
    assert Task(["a"], ["c"], "graph", "model", "run", None, {"task_file": "there"}).digest != TASK.digest


def test_what_is_no_task_is_refused(tmp_path):
    (tmp_path / "task.json").write_text('{"train_files": []}')
    with pytest.raises(ModelError, match="no task"):
        wait_for(str(tmp_path / "task.json"), 0.0)
