"""The command line starts fast, and ends with the documented exit status."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

from pipeline.runners import lock
from schemas.runs import OutputRoot

ROOT = pathlib.Path(__file__).resolve().parents[3]
HEAVY = ("tensorflow", "tfx", "apache_beam", "ml_metadata", "tf_keras", "kfp")


def _seqrank(*arguments, cwd=ROOT):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_help_answers_within_a_second():
    _seqrank("--help")  # compiled files and the disk's cache
    times = []
    for _ in range(3):
        began = time.monotonic()
        done = _seqrank("--help")
        times.append(time.monotonic() - began)
    assert done.returncode == 0
    assert all(
        command in done.stdout for command in ("init", "run", "submit", "runs", "data", "config", "gc", "doctor")
    )
    assert min(times) < 1.0


@pytest.mark.parametrize("module", ["pipeline.cli.__main__", "pipeline.config", "pipeline.describe"])
def test_nothing_heavy_is_imported_to_start_or_to_read_a_configuration(module):
    script = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_key_ends_with_status_2_and_no_traceback(tmp_path):
    done = _seqrank("config", "--set", "trainer.epohcs=3")
    assert done.returncode == 2
    assert "did you mean trainer.epochs?" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_option_ends_with_status_2():
    assert _seqrank("run", "--nonsense").returncode == 2


def test_missing_data_end_with_status_1_and_say_what_to_do(tmp_path):
    done = _seqrank("run", "--data", str(tmp_path / "none.csv"), "--output", str(tmp_path / "runs"))
    assert done.returncode == 1
    assert "none.csv" in done.stderr
    assert "Next:" in done.stderr
    assert "Traceback" not in done.stderr


def test_second_run_on_a_root_is_refused_and_one_on_another_goes_its_way(tmp_path):
    words = ("run", "--data", str(tmp_path / "none.csv"), "--output")
    with lock.held(OutputRoot(tmp_path / "runs")):
        refused = _seqrank(*words, str(tmp_path / "runs"))
        beside = _seqrank(*words, str(tmp_path / "elsewhere"))
    assert (refused.returncode, beside.returncode) == (1, 1)
    assert f"{tmp_path / 'runs'}: Another run holds this output root." in refused.stderr
    assert f"process {os.getpid()} on " in refused.stderr
    assert "no file matches" in beside.stderr  # it got as far as its data
    assert [path.name for path in (tmp_path / "runs").glob("20*")] == []


def test_config_prints_what_a_run_would_use():
    done = _seqrank("config", "--data", "a.csv", "--output", "elsewhere")
    assert done.returncode == 0
    assert "data: [a.csv]" in done.stdout
    assert "output_root: elsewhere" in done.stdout
