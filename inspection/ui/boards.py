"""TensorBoards on runs' logs, as children of this process: on this machine alone, and gone when it ends.

Run as a module, with TensorBoard's arguments, it is such a child: TensorBoard, until standard input ends. The parent
holds the other end, so that the child goes however the parent ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from typing import Final

from schemas.errors import SeqrankError

MOST: Final = 3  # at once: each takes some hundred megabytes
_HOST: Final = "127.0.0.1"
_READY: Final = re.compile(r"TensorBoard \S+ at (http://127\.0\.0\.1:\d+/)")
_LIMIT: Final = 90.0  # seconds: it imports TensorFlow first
_PAUSE: Final = 0.1


class BoardError(SeqrankError):
    """TensorBoard can't be started."""


class Board:
    """One TensorBoard.

    Args:
        logs: folder of event files.
        folder: where what it says is kept.
    """

    def __init__(self, logs: str, folder: pathlib.Path) -> None:
        self._said = folder / f"{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", __name__, "--logdir", logs, "--host", _HOST, "--port", "0"]
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    async def address(self) -> str:
        """Where it answers, once it does.

        Raises: BoardError: it ended, or didn't answer within the limit.
        """
        end = time.monotonic() + _LIMIT
        while True:
            said = self._said.read_text(encoding="utf-8", errors="replace")
            if found := _READY.search(said):
                return found[1]
            if not self.alive or time.monotonic() > end:
                what = "TensorBoard ended." if not self.alive else f"TensorBoard didn't answer in {_LIMIT:g} seconds."
                self.end()
                raise BoardError(what, why="\n".join(said.splitlines()[-5:]))
            await asyncio.sleep(_PAUSE)

    def end(self) -> None:
        """Ends it, and waits until it is gone."""
        if self._process.stdin:
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        if self.alive:
            self._process.kill()
            self._process.wait()


class Boards:
    """The TensorBoards of this process: one a folder of logs, a few at once, the oldest making room."""

    def __init__(self) -> None:
        self._boards: dict[str, Board] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="seqrank-ui-")

    async def address(self, logs: str) -> str:
        """Address of the one on a folder of logs; starts it where there is none.

        Raises: BoardError: as Board.address.
        """
        board = self._boards.pop(logs, None)
        if board is None or not board.alive:
            while len(self._boards) >= MOST:
                self._boards.pop(next(iter(self._boards))).end()
            board = Board(logs, pathlib.Path(self._folder.name))
        self._boards[logs] = board  # at the end: the one asked for last goes last
        return await board.address()

    def end(self) -> None:
        """Ends all of them."""
        while self._boards:
            self._boards.popitem()[1].end()
        self._folder.cleanup()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _main() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from tensorboard import main

    main.run_main()


if __name__ == "__main__":
    _main()
