"""How long the commands that look at runs take on a store of many runs: `make benchmark-inspect`.

Each command runs as a process of its own, several times, and the quickest counts. What is not imports is measured in
such a process by the same command a second time. Processor seconds say what a machine without other work would take.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from typing import Final

from benchmarks import made_results
from benchmarks.made_runs import FROM_CACHE, MadeRuns
from inspection.connection import sqlite_store
from inspection.store import Store

USERS: Final = 6_040  # of the newest two runs' evaluations: MovieLens-1M's
_SHARE: Final = 10  # one run in so many trains on new data, the others take data stages from the cache
COMMANDS: Final = (
    ("runs",),
    ("runs", "--limit", "1000"),
    ("show", "latest"),
    ("artifacts",),
    ("artifacts", "--type", "Model", "--json"),
    ("open", "latest/Evaluator.evaluation"),
    ("lineage", "latest/Pusher.pushed_model"),
    ("lineage", "--file", "day-1.csv"),
    ("compare", "{before}", "latest"),
)


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of a whole process: on the clock, of the processor; and of the processor without imports."""

    wall: float
    processor: float
    work: float


def make(root: pathlib.Path, runs: int) -> str:
    """Makes a store; the newest two runs have results. Returns the name of the last but one."""
    made, names = MadeRuns(root), [f"run-{number:06d}" for number in range(runs)]
    for number, name in enumerate(names):
        made.add(name, cached=FROM_CACHE if number % _SHARE else (), dropout=number % 7 / 10)
    store = Store(sqlite_store(root / "metadata.sqlite"))
    for seed, name in enumerate(names[-2:]):
        made_results.write(store.run(name), users=USERS, seed=seed)
    return names[-2]


def measure(words: list[str], repeats: int) -> Timing:
    """One command.

    Raises: subprocess.CalledProcessError: it failed.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    walls, processors = [], []
    for _ in range(repeats):
        began, used = time.perf_counter(), _children()
        subprocess.run([sys.executable, "-m", "pipeline.cli", *words], check=True, capture_output=True, env=environment)
        walls.append(time.perf_counter() - began)
        processors.append(_children() - used)
    again = [sys.executable, "-m", __spec__.name, "--again", json.dumps(words)]
    done = subprocess.run(again, check=True, capture_output=True, text=True, env=environment)
    return Timing(min(walls), min(processors), float(done.stdout.splitlines()[-1]))


def _children() -> float:
    """Processor seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _twice(words: list[str]) -> float:
    """Processor seconds of a command's second call in this process."""
    from pipeline.cli.__main__ import app

    took = 0.0
    for _ in range(2):
        began = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            app(words, standalone_mode=False)
        took = time.process_time() - began
    return took


def main() -> None:
    """Makes the store, runs every command, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--again", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.again:
        print(_twice(arguments.again))
        return
    with tempfile.TemporaryDirectory() as folder:
        before = make(pathlib.Path(folder), arguments.runs)
        print(f"{arguments.runs:,} runs; seconds, the quickest of {arguments.repeats}")
        print(f"{'COMMAND':<44}{'CLOCK':>9}{'PROCESSOR':>11}{'OF IT WORK':>12}")
        for command in COMMANDS:
            words = [word.format(before=before) for word in command]
            timing = measure([*words, "--output", folder], arguments.repeats)
            print(f"{' '.join(words):<44}{timing.wall:9.2f}{timing.processor:11.2f}{timing.work:12.2f}", flush=True)


if __name__ == "__main__":
    main()
