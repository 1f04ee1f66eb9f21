"""What the machines of a training are told, and what is refused; kill_a_machine.py has real ones."""

import sys

import pytest

from components.trainer import run, worker
from components.trainer.task import Task, wait_for
from schemas.errors import ConfigError, ModelError

TASK = Task(["a"], ["b"], "graph", "model", "run", None, {"task_file": "there"})


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
