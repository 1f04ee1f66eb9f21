"""One run at a time on an output root, between real processes."""

import pathlib
import signal
import subprocess
import sys

import pytest

from pipeline.runners import lock
from schemas.errors import BusyError
from schemas.runs import OutputRoot

_HOLD = """
import pathlib, sys, time
from pipeline.runners import lock
from schemas.runs import OutputRoot
with lock.held(OutputRoot(pathlib.Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""
_ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def other(tmp_path):
    """Another process that holds the root `tmp_path`/runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "runs")], cwd=_ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_refused_and_told_who_holds_the_root(tmp_path, other):
    with pytest.raises(BusyError) as caught, lock.held(OutputRoot(tmp_path / "runs")):
        pass
    assert f"process {other.pid} on " in caught.value.why
    assert "--output" in caught.value.next_step


def test_a_different_root_is_free(tmp_path, other):
    with lock.held(OutputRoot(tmp_path / "elsewhere")):
        assert (tmp_path / "elsewhere").is_dir()


def test_a_killed_holder_leaves_the_root_free(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    with lock.held(OutputRoot(tmp_path / "runs")):
        pass


def test_a_refused_process_does_not_wipe_the_holders_name(tmp_path, other):
    root = OutputRoot(tmp_path / "runs")
    for _ in range(2):
        with pytest.raises(BusyError, match=r"held|holds") as caught, lock.held(root):
            pass
        assert str(other.pid) in caught.value.why
