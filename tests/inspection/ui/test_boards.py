"""TensorBoard as a child: it answers on this machine alone, once a folder, and is gone when its parent is."""

import asyncio
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from inspection.ui.boards import BoardError, Boards

ROOT = pathlib.Path(__file__).resolve().parents[3]


def answers(address):
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(address, timeout=60).status == 200
    return False


def test_one_a_folder_is_started_and_all_end_with_it(tmp_path):
    async def twice():
        return [await boards.address(str(tmp_path)) for _ in range(2)]

    boards = Boards()
    try:
        first, second = asyncio.run(twice())
        assert first == second
        assert first.startswith("http://127.0.0.1:")
        assert answers(first)
    finally:
        boards.end()
    assert not answers(first)


def test_it_ends_though_its_parent_is_killed(tmp_path):
    code = (
        "import asyncio, signal, sys; from inspection.ui.boards import Boards; boards = Boards();"
        "print(asyncio.run(boards.address(sys.argv[1])), flush=True); signal.pause()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    address = parent.stdout.readline().strip()
    assert answers(address)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    end = time.monotonic() + 30
    while answers(address) and time.monotonic() < end:
        time.sleep(0.1)
    assert not answers(address)


def test_one_that_can_not_start_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    boards = Boards()
    with pytest.raises(BoardError, match="TensorBoard ended"):
        asyncio.run(boards.address(str(tmp_path)))
    boards.end()
