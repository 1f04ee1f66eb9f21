"""One run at a time on one output root. The operating system drops the lock when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import socket
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from schemas.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.runs import OutputRoot


@contextlib.contextmanager
def held(root: OutputRoot) -> Iterator[None]:
    """Holds an output root for the block's length.

    Args:
        root: made where it isn't there.
    Raises: BusyError: another process holds it; says which.
    """
    root.path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            "Another run holds this output root.",
            where=str(root.path),
            why=_holder(root),
            next_step="Wait until it has ended, or name another folder with --output; both can run side by side.",
        ) from None
    try:
        _sign(root)
        yield
    finally:
        lock.release()


def _sign(root: OutputRoot) -> None:
    """Leaves who holds the lock, beside it: taking a lock empties the lock's own file, even for who doesn't get it."""
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    root.lock.with_suffix(".holder").write_text(json.dumps(holder) + "\n", encoding="utf-8")


def _holder(root: OutputRoot) -> str:
    try:
        holder = json.loads(root.lock.with_suffix(".holder").read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (OSError, ValueError, KeyError):  # written a moment after the lock is taken
        return "it has just begun"
