"""Seconds and memory of each stage of one whole run on a made log of a shop's shape, with its items and users.

    python -m benchmarks.chain --rows 10000000 --users 1000000 --items 100000 --set trainer.epochs=1

The run is `seqrank run` in a process of its own. A stage lasts from the line that the run printed before it to its own,
so imports and reading the catalogue count; memory is what the process holds, read from /proc every half second. It is
one process, which gives freed memory back late: a stage's peak is at least what it began with.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.runs import NOT_BLESSED

_EVERY: Final = 0.5  # seconds between two looks at the memory
_STAGE: Final = re.compile(r"^ {2}(\w+) +([\d.]+) s$")


class Memory(threading.Thread):
    """Watches what a process holds; `mark` gives the first and the largest figure since the last call, in MB."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._status = pathlib.Path(f"/proc/{process}/status")
        self._lock = threading.Lock()
        self._first = self._most = 0

    def run(self) -> None:
        """Looks until the process ends."""
        while (held := self._held()) is not None:
            with self._lock:
                self._first = self._first or held
                self._most = max(self._most, held)
            time.sleep(_EVERY)

    def _held(self) -> int | None:
        try:
            found = re.search(r"VmRSS:\s+(\d+) kB", self._status.read_text())
        except OSError:
            return None
        return int(found.group(1)) * 1024 // 1_000_000 if found else None

    def mark(self) -> tuple[int, int]:
        """What was held at the last mark, and the most since; 10^6 bytes."""
        with self._lock:
            seen = self._first, self._most
            self._first = self._most = self._held() or self._most
        return seen


def measure(command: list[str], console: Console) -> list[dict[str, Any]]:
    """Runs the chain.

    Args:
        command: `seqrank run` and its arguments.
        console: where what it prints is shown.
    Returns: a record a stage, in the order in which they ended: stage, seconds of its own, elapsed (since the stage
        before ended), peak_mb, before_mb.
    Raises: SystemExit: the run failed; what it said was shown.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}  # a line must come when its stage ends
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    memory = Memory(child.pid)
    memory.start()
    stages: list[dict[str, Any]] = []
    last = time.perf_counter()
    assert child.stdout is not None
    for line in child.stdout:
        console.print(line.rstrip(), highlight=False, markup=False, soft_wrap=True)
        found = _STAGE.match(line)
        if found:
            before, peak = memory.mark()
            now = time.perf_counter()
            stage = {"stage": found.group(1), "seconds": float(found.group(2)), "elapsed": round(now - last, 1)}
            stages.append({**stage, "peak_mb": peak, "before_mb": before})
            last = now
    if child.wait() not in (0, NOT_BLESSED):
        raise SystemExit(f"The run ended with status {child.returncode}.")
    return stages


def table(stages: list[dict[str, Any]], title: str) -> Table:
    """The results for people."""
    made = Table(title=title)
    for column in ("stage", "seconds", "since the last", "peak MB", "MB before"):
        made.add_column(column, justify="left" if column == "stage" else "right")
    for stage in stages:
        cells = (f"{stage['seconds']:,.1f}", f"{stage['elapsed']:,.1f}", f"{stage['peak_mb']:,}")
        made.add_row(stage["stage"], *cells, f"{stage['before_mb']:,}")
    return made


def _synthesize(folder: pathlib.Path, arguments: argparse.Namespace) -> None:
    sizes = [f"--{name}={getattr(arguments, name)}" for name in ("rows", "users", "items")]
    command = [sys.executable, "-m", "pipeline.cli", "data", "synthesize", str(folder), "--like", "shop", *sizes]
    subprocess.run(command, check=True)


def _command(folder: pathlib.Path, output: pathlib.Path, settings: list[str]) -> list[str]:
    tables = [f"{name}.data={json.dumps([str(folder / f'{name}.csv')])}" for name in ("items", "users")]
    words = [word for setting in [*tables, *settings] for word in ("--set", setting)]
    log = str(folder / "interactions.csv.gz")
    run = ["run", "--config", "configs/shop.yaml", "--data", log, "--output", str(output)]
    return [sys.executable, "-m", "pipeline.cli", *run, *words]


def main() -> None:
    """Makes the log, runs the chain, prints a table, and writes the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="interactions")
    parser.add_argument("--users", type=int, default=1_000_000, help="users at most")
    parser.add_argument("--items", type=int, default=100_000, help="items at most")
    parser.add_argument("--set", action="append", default=[], dest="settings", help="as `seqrank run --set`")
    parser.add_argument("--folder", type=pathlib.Path, help="keep the log and the run here")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("runs/benchmark-chain.json"), help="results")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or pathlib.Path(temporary)).absolute()
        log = folder / "shop"
        if not log.exists():
            _synthesize(log, arguments)
        stages = measure(_command(log, folder / "runs", arguments.settings), console)
    title = f"{arguments.rows:,} interactions, {arguments.users:,} users, {arguments.items:,} items"
    console.print(table(stages, title))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(stages, indent=2) + "\n", encoding="utf-8")
    console.print(f"The same as JSON: {arguments.json}")


if __name__ == "__main__":
    main()
