"""A worker of Beam's that is killed: its stage fails, and the next run repeats that stage. `make test-engine` runs it.

Engine, pool of workers and what they share are those of engine.py beside this file.
"""

import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
_PATIENCE = 600  # seconds for a stage, on a busy machine


def _beside(name):
    spec = importlib.util.spec_from_file_location(f"{name}_of_killed", pathlib.Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


shared = _beside("engine")
store, volume, servers, pytestmark = shared.store, shared.volume, shared.servers, shared.pytestmark


@pytest.fixture(scope="module")
def planted(volume):
    """A small log in which each item is followed by the next one of a ring."""
    users, items, events = 150, 60, 20
    begin = np.random.default_rng(0).integers(items, size=users)
    table = (begin[:, None] + np.arange(events)) % items
    lines = [f"u{user},i{item},{86_400 * step}" for user, row in enumerate(table) for step, item in enumerate(row)]
    path = volume / "planted.csv"
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(lines) + "\n")
    return path


def test_a_killed_worker_fails_its_stage_and_the_next_run_repeats_that_stage(servers, volume, planted):
    folder, options = servers
    root = volume / "runs"
    command = [sys.executable, "-m", "pipeline.cli", "run", "--data", str(planted), "--output", str(root)]
    told = options.model_dump(exclude_none=True, exclude_defaults=True)
    knobs = [
        "trainer.epochs=3",
        "trainer.model.architecture.units=32",
        f"run.beam={yaml.safe_dump(told, default_flow_style=True).strip()}",
    ]
    command += [word for knob in knobs for word in ("--set", knob)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    _until(lambda: any((root / "artifacts" / "Transform").glob("*/*")), process)
    began = _connected(folder)
    _until(lambda: _connected(folder) > began, process)
    for worker in _workers(folder):
        os.kill(worker, signal.SIGKILL)
    printed, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 1, printed
    assert "Transform: Failed unexpectedly." in printed
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=3 * _PATIENCE)
    assert again.returncode in (0, 3), again.stdout + again.stderr  # 3: not blessed, after so little training
    shown = {line.split()[0]: line for line in again.stdout.splitlines() if line.startswith("  ") and line.split()}
    assert "from the cache" in shown["SequenceGen"]
    assert "from the cache" not in shown["Transform"]
    assert "from the cache" not in shown["Evaluator"]


def _until(there, process):
    until = time.monotonic() + _PATIENCE
    while not there():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.05)


def _connected(folder):
    """Workers that have reached Prism so far."""
    return (folder / "prism.log").read_text().count("Data channel established")


def _workers(folder):
    """Process ids, here, of the pool's workers: descendants of its process alone."""
    import psutil

    log = str(folder / "pool")
    (pool,) = [each for each in psutil.Process().children() if log in " ".join(each.cmdline())]
    workers = [each.pid for each in pool.children(recursive=True) if "sdk_worker_main" in " ".join(each.cmdline())]
    assert workers
    return workers
