"""A serving process of its own: `python -m serving`, as an operator would start it."""

from __future__ import annotations

import contextlib
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from typing import IO, TYPE_CHECKING, Final

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = pathlib.Path(__file__).resolve().parents[2]
_POLL: Final = 0.1  # seconds
_ALONE: Final = '{"events": null, "poll_seconds": 86400, "drain_seconds": 0}'


class StartError(Exception):
    """The process ended, or wasn't ready in time; the message has its last lines."""


class Server:
    """A process that answers.

    Args:
        process: it.
        address: http://127.0.0.1:port.
        seconds: that it took to start.
    """

    def __init__(self, process: subprocess.Popen[bytes], address: str, seconds: float) -> None:
        self._process, self.address, self.seconds = process, address, seconds

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def peak_bytes(self) -> int:
        """Peak memory so far; 0 once the process has gone, and on systems without /proc."""
        try:
            status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0


@contextlib.contextmanager
def started(model: str, patience: float) -> Iterator[Server]:
    """A server of one model, which ends with the block.

    Args:
        model: folder of a SavedModel, local or a URL.
        patience: seconds until it must be ready.
    Raises: StartError.
    """
    command = [sys.executable, "-m", "serving", "--model", model, "--port", "0", "--options", _ALONE]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=_ROOT)
        began = time.monotonic()
        try:
            yield Server(process, _address(process, log, began + patience), time.monotonic() - began)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[bytes], log: IO[bytes], until: float) -> str:
    """Where it answers, once it is ready."""
    while time.monotonic() < until:
        text = _text(log)
        if process.poll() is not None:
            raise StartError(f"The process ended with status {process.returncode}:\n{_last(text)}")
        found = re.search(r"Listening on (\S+) for", text)
        if found and _ready(found[1]):
            return found[1]
        time.sleep(_POLL)
    raise StartError(f"It isn't ready in time. Its last lines:\n{_last(_text(log))}")


def _ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/readyz", timeout=1).status_code == 200
    except requests.RequestException:  # its first model is loaded before it answers anything
        return False


def _text(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode("utf-8", "replace")


def _last(text: str, lines: int = 12) -> str:
    kept = [line for line in text.splitlines() if line.strip()]
    return "\n".join(kept[-lines:])[-2000:]
