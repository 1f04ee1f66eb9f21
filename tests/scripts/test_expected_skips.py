"""CI's plugin: listed skips pass, others fail the run."""

import pathlib
import subprocess
import sys

import pytest

from scripts import expected_skips

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run_pytest(folder: pathlib.Path, reason: str) -> subprocess.CompletedProcess:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_one.py").write_text(
        f"import pytest\ndef test_runs(): pass\n@pytest.mark.skip(reason={reason!r})\ndef test_skips(): pass\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--rootdir",
        str(folder),
        "-p",
        "scripts.expected_skips",
        str(folder),
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_skip_that_is_not_listed_fails_and_is_named(tmp_path):
    done = run_pytest(tmp_path, "no such tool")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_one.py::test_skips: no such tool" in done.stdout


def test_listed_skip_passes(tmp_path):
    assert run_pytest(tmp_path, "needs a GPU").returncode == 0


def test_patterns_match_id_and_reason():
    listed = expected_skips.patterns("# a comment\n*: needs a GPU*  # none in CI\n\n")
    assert expected_skips.unexpected(["a::b: needs a GPU of 8 GiB", "a::c: no browser"], listed) == ["a::c: no browser"]
