"""The Trainer's stage on two machines, and kill -9 on one of them: both started again go on (make test-workers)."""

import json
import sys
import time

import pytest

from components.trainer import worker
from components.trainer.options import Options
from components.trainer.run import train
from components.trainer.task import Task
from ranker import checkpointing, saved
from schemas.contents import ITEM_COUNTS_FILE, TRAINING_FILE

pytestmark = pytest.mark.timeout(3600)  # two machines on a busy one
EPOCHS = 12  # the first takes most of the time; the others leave some to kill between them
NOTICED = 120  # seconds that the other machine may take to see that one is gone
OPTIONS = Options(
    batch_size=4, recommendations=3, epochs=EPOCHS, patience=EPOCHS,
    model={"embedding_dim": 4, "dropout": 0.0, "gap_embedding": True, "architecture": {"name": "lstm", "units": 4}},
)  # fmt: skip


@pytest.fixture(scope="module")
def data(training_inputs, tmp_path_factory):
    """Folder of sequences, and what one machine makes of them without being killed."""
    folder = tmp_path_factory.mktemp("data")
    training_inputs(folder)
    (folder / "alone").mkdir()
    train(task(folder, folder / "alone"))
    return folder, record(folder / "alone")


def task(data, folder):
    config = {
        "options": OPTIONS.model_dump_json(), "epochs": EPOCHS, "item_counts": f"{data}/counts/{ITEM_COUNTS_FILE}",
        "window": 5, "mask_seen": False, "checkpoints": f"{folder}/checkpoints/this", "items": None,
        "test_files": f"{data}/examples/Split-test/*", "start": None, "task_file": f"{folder}/checkpoints/task.json",
    }  # fmt: skip
    files = {split: [f"{data}/examples/Split-{split}/*"] for split in ("train", "valid")}
    model, run = f"{folder}/model/Format-Serving", f"{folder}/run"
    return Task(files["train"], files["valid"], f"{data}/graph", model, run, None, config)


def record(folder):
    return json.loads((folder / "run" / TRAINING_FILE).read_text())


def command(folder):
    (folder / "run").mkdir(exist_ok=True)
    return [sys.executable, "-m", worker.MODULE, "--task", f"{folder}/checkpoints/task.json"]


def wait_for_an_epoch(folder):
    checkpoint = folder / "checkpoints" / "this" / "training.npz"
    end = time.monotonic() + 300
    while not checkpoint.exists():
        assert time.monotonic() < end, "no epoch ended"
        time.sleep(0.01)


def check(folder, uninterrupted):
    """The training went on, and ended as if nobody had been killed."""
    found = record(folder)
    assert 1 <= found["resumed_from"] < EPOCHS, "the kill came too late for this test to say anything"
    assert (found["epochs"], found["machines"], found["device"]) == (EPOCHS, 2, "CPU x 2")
    for before, after in zip(uninterrupted["history"], found["history"], strict=True):
        assert {**after, "seconds": 0} == pytest.approx({**before, "seconds": 0}, rel=0.01)
    assert (folder / "model" / "Format-Serving" / "saved_model.pb").exists()


def test_the_chiefs_stage_trains_with_the_other_machine_and_exports_alone(execute, machines, monkeypatch, tmp_path):
    root = tmp_path / "checkpoints"
    other = machines.start("worker", [sys.executable, "-m", worker.MODULE, "--task", str(root / "task.json")])
    monkeypatch.setenv("TF_CONFIG", machines.config("chief"))
    execute(tmp_path, OPTIONS.model_copy(update={"refit": True}))
    assert other.wait(timeout=60) == 0, machines.said(other)[-3000:]
    assert "Epoch 2 of at most 2" in machines.said(other)
    found = record(tmp_path)
    assert (found["machines"], found["device"], found["refit"]) == (2, "CPU x 2", True)
    for name in ("Format-Serving", "Format-Refit"):
        assert saved.load(tmp_path / "model" / name).recommend([["i0", "i1"]]).item_ids.shape == (1, 3)
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("killed", ["worker", "chief"])
def test_one_killed_ends_the_other_and_both_started_again_go_on_from_the_checkpoint(data, machines, tmp_path, killed):
    told = task(data[0], tmp_path)
    told.write(told.custom_config["task_file"])
    running = {kind: machines.start(kind, command(tmp_path)) for kind in machines.cluster}
    wait_for_an_epoch(tmp_path)
    running.pop(killed).kill()
    began = time.monotonic()
    (other,) = running.values()
    assert other.wait(timeout=NOTICED) != 0
    print(f"{killed} killed: status {other.returncode} after {time.monotonic() - began:.1f} s")
    assert not (tmp_path / "model").exists()
    done = checkpointing.load(str(tmp_path / "checkpoints" / "this" / "training.npz")).epoch
    again = [machines.start(kind, command(tmp_path)) for kind in machines.cluster]
    for process in again:
        assert process.wait(timeout=300) == 0, machines.said(process)[-3000:]
    assert record(tmp_path)["resumed_from"] == done
    check(tmp_path, data[1])


def test_machines_that_are_each_started_again_on_their_own_find_together(data, machines, tmp_path):
    told = task(data[0], tmp_path)
    told.write(told.custom_config["task_file"])
    running = {kind: machines.start(kind, command(tmp_path)) for kind in machines.cluster}
    wait_for_an_epoch(tmp_path)
    running["worker"].kill()
    restarts, end = 0, time.monotonic() + 500
    while any(process.poll() != 0 for process in running.values()):
        assert time.monotonic() < end, "they never found together"
        for kind, process in running.items():
            if process.poll():  # as Kubernetes does, where a pod's container failed
                running[kind], restarts = machines.start(kind, command(tmp_path)), restarts + 1
        time.sleep(0.5)
    print(f"{restarts} restarts")
    check(tmp_path, data[1])
