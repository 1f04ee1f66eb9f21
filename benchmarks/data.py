"""Seconds and memory of the data stages on made interactions, beside bare Polars in the same run.

    python -m benchmarks.data --rows 1000000 10000000

Seconds are of the stage's own work, imports apart; each measurement has a process of its own, for its peak memory.
Transform and Evaluator get a limited number of sequences, the Evaluator an untrained tiny model: what a row costs there
is the same at any size, and it is Beam's, TFT's and TFMA's cost that is asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.stages import STAGES

BESIDE: Final = {"InteractionExampleGen": "polars_read", "SequenceGen": "polars_sequences"}
LIMITED: Final = ("Transform", "Evaluator")


def measure(name: str, folder: pathlib.Path, rows: int, limit: int) -> dict[str, Any]:
    """One measurement, in a child process.

    Args:
        name: key of benchmarks.stages.STAGES; what it needs was measured before in the same folder.
        folder: of this size.
        rows: interactions.
        limit: training sequences that Transform and Evaluator get, about.
    Returns: stage, rows, seconds, peak_mb, before_mb.
    Raises: SystemExit: the child failed; its output is printed.
    """
    command = [sys.executable, "-m", "benchmarks.stages", name, str(folder), str(rows), str(limit)]
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    child = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if child.returncode:
        raise SystemExit(f"{name} on {rows:,} rows failed:\n{child.stderr[-4000:]}")
    return {"stage": name, "rows": rows, **json.loads(child.stdout.splitlines()[-1])}


def with_ratios(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds `times_polars` to the stages that Polars has done, too."""
    seconds = {(result["stage"], result["rows"]): result["seconds"] for result in results}
    for result in results:
        polars = seconds.get((BESIDE.get(result["stage"]), result["rows"]))
        if polars:
            result["times_polars"] = round(result["seconds"] / polars, 2)
    return results


def table(results: list[dict[str, Any]], limit: int) -> Table:
    """The results for people."""
    made = Table(title="Data stages, seconds of work without imports")
    for column in ("rows", "stage", "seconds", "peak MB", "MB before", "times Polars"):
        made.add_column(column, justify="left" if column == "stage" else "right")
    for result in results:
        name = result["stage"] + (f" (≤ {limit:,} windows)" if result["stage"] in LIMITED else "")
        cells = (f"{result['rows']:,}", name, f"{result['seconds']:.1f}", f"{result['peak_mb']:,}")
        made.add_row(*cells, f"{result['before_mb']:,}", str(result.get("times_polars", "")))
    return made


def main() -> None:
    """Measures, prints a table, and writes the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000], help="interactions")
    parser.add_argument("--limit", type=int, default=20_000, help="training sequences for Transform and Evaluator")
    parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=STAGES, help="only these, in this order")
    parser.add_argument("--folder", type=pathlib.Path, help="keep logs and outputs here")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("runs/benchmark-data.json"), help="results")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as temporary:
        results = []
        for rows in arguments.rows:
            folder = (arguments.folder or pathlib.Path(temporary)).absolute() / str(rows)
            folder.mkdir(parents=True, exist_ok=True)
            for name in arguments.stages:
                with console.status(f"{name}, {rows:,} rows"):
                    results.append(measure(name, folder, rows, arguments.limit))
    results = with_ratios(results)
    console.print(table(results, arguments.limit))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    console.print(f"The same as JSON: {arguments.json}")


if __name__ == "__main__":
    main()
