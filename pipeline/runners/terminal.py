"""What a person sees of a run: one line a stage; everything that libraries say goes to the run's log."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from rich.console import Console

_NAME_WIDTH: Final = 22
# What LocalDagRunner and its launcher log, word for word on both stacks; tests/end_to_end sees that it still holds.
_BEGINS: Final = "Component %s is running."
_CACHED: Final = "A cached execution %d is used."
_ENDS: Final = "Component %s is finished."


# A field of a message as protobuf prints it: TFX logs the whole connection to ML Metadata.
_PASSWORD: Final = re.compile(r'\b(\w*password"?: *")(?:[^"\\]|\\.)*"')


class _WithoutPasswords(logging.Formatter):
    """Leaves passwords out of a log."""

    def format(self, record: logging.LogRecord) -> str:
        """Called by logging with each record."""
        return _PASSWORD.sub(r'\1(hidden)"', super().format(record))


class StageLines(logging.Handler):
    """Prints a line for each stage, from what the runner logs while it runs.

    Args:
        console: where to.
        hidden: nodes that are no stages.
    """

    def __init__(self, console: Console, hidden: tuple[str, ...] = ("LatestBlessedModel", "StartModel")) -> None:
        super().__init__(logging.INFO)
        self.running: str | None = None
        self._console, self._hidden = console, hidden
        self._began, self._cached = time.monotonic(), False

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging with each record."""
        if record.msg == _BEGINS and isinstance(record.args, tuple):
            self.running, self._began, self._cached = str(record.args[0]), time.monotonic(), False
            if self._console.is_terminal and self.running not in self._hidden:
                self._console.print(f"  {self.running} …", end="\r")
        elif record.msg == _CACHED:
            self._cached = True
        elif record.msg == _ENDS:
            self._end()

    @contextlib.contextmanager
    def follow(self) -> Iterator[None]:
        """Listens for the block's length."""
        logger = logging.getLogger("absl")
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)

    def _end(self) -> None:
        if self.running and self.running not in self._hidden:
            took = time.monotonic() - self._began
            cached = "   from the cache" if self._cached else ""
            self._console.print(f"  {self.running:<{_NAME_WIDTH}} {took:7.1f} s{cached}", highlight=False)
        self.running = None


@contextlib.contextmanager
def libraries_to(log: pathlib.Path) -> Iterator[None]:
    """Sends Python's logging, and whatever is written to standard error, to a file.

    Args:
        log: appended to; its folder must exist.
    """
    from absl import logging as absl_logging

    sys.stderr.flush()
    saved = os.dup(2)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with log.open("a", encoding="utf-8", buffering=1) as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(_WithoutPasswords("%(asctime)s %(levelname).1s %(name)s: %(message)s"))
        root.handlers[:] = [handler]
        root.setLevel(logging.INFO)
        absl_logging.set_verbosity(absl_logging.INFO)
        logging.captureWarnings(True)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            logging.captureWarnings(False)
            root.handlers[:], root.level = handlers, level
