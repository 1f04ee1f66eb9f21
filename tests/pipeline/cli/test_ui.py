"""`seqrank ui` as a process: it answers, loads no TensorFlow, and ends when told to."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from benchmarks.made_runs import MadeRuns

ROOT = pathlib.Path(__file__).resolve().parents[3]


def start(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "pipeline.cli", "ui", "--no-browser", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_all_pages_are_served_without_tensorflow_until_interrupted(tmp_path):
    made = MadeRuns(tmp_path)
    made.add("first")
    made.add("second")
    process = start("--port", "0", "--output", str(tmp_path))
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]
        with httpx.Client(base_url=address, timeout=120) as client:
            paths = (
                "/",
                "/run?id=latest",
                "/compare?run=first&run=second",
                "/artifacts",
                "/artifact?id=1",
                "/lineage?id=1",
            )
            assert [client.get(path).status_code for path in paths] == [200] * 6
        mapped = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
        assert "tensorflow" not in mapped
        assert "ml_metadata" in mapped  # it would be seen
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()


def test_a_port_in_use_is_refused_with_a_next_step(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start("--port", str(taken.getsockname()[1]), "--output", str(tmp_path))
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "already in use" in said
    assert "--port 0" in said


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_who_lets_others_read_is_warned(tmp_path, host, warned):
    process = start("--port", "0", "--host", host, "--output", str(tmp_path))
    assert "http://127.0.0.1:" in process.stdout.readline()
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert ("can now read every run" in said) == warned
