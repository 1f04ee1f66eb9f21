"""What each Beam stage reads, shuffles and keeps per interaction, and what that makes of a larger log.

    python -m benchmarks.scale --rows 1000000 10000000 --plan 1000000000

Each stage runs in a process of its own, on all of what the stages before it left (benchmarks.stages). Bytes read are
the process's own reads, imports and all, so the figure per interaction is the difference between the two sizes, by
which what is read once for all falls out. Shuffled is what Beam groups by key, encoded.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import tempfile
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.data import measure

STAGES: Final = ("InteractionExampleGen", "StatisticsGen", "SequenceGen", "Transform", "Evaluator")
BYTES: Final = ("read", "shuffled", "kept")
_ALL: Final = 1 << 60  # training windows that Transform and Evaluator get: every one


def slopes(results: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Bytes and seconds a further interaction costs: stage -> read, shuffled, kept, microseconds, between two sizes.

    Args:
        results: of `measure`, of the smallest and the largest size.
    """
    found: dict[str, dict[str, float]] = {}
    for stage in dict.fromkeys(each["stage"] for each in results):
        few, *_, many = sorted((each for each in results if each["stage"] == stage), key=lambda each: each["rows"])
        more = many["rows"] - few["rows"]
        found[stage] = {name: (many["bytes"][name] - few["bytes"][name]) / more for name in BYTES}
        found[stage]["microseconds"] = 1e6 * (many["seconds"] - few["seconds"]) / more
    return found


def measured(results: list[dict[str, Any]]) -> Table:
    """What was measured, for people; MB are 10^6 bytes."""
    made = Table(title="Measured")
    for column in ("rows", "stage", "seconds", "peak MB", *(f"MB {name}" for name in BYTES)):
        made.add_column(column, justify="left" if column == "stage" else "right")
    for each in results:
        cells = [f"{each['bytes'][name] / 1e6:,.1f}" for name in BYTES]
        made.add_row(f"{each['rows']:,}", each["stage"], f"{each['seconds']:.1f}", f"{each['peak_mb']:,}", *cells)
    return made


def plan(found: dict[str, dict[str, float]], rows: int) -> Table:
    """What a log of `rows` interactions would take, if each cost what the measured ones did."""
    made = Table(title=f"Per interaction, and for {rows:,} of them")
    for column in ("stage", *(f"{name}, bytes" for name in BYTES), *(f"{name}, GB" for name in BYTES), "core hours"):
        made.add_column(column, justify="left" if column == "stage" else "right")
    for stage, each in found.items():
        cells = [f"{each[name]:,.1f}" for name in BYTES] + [f"{each[name] * rows / 1e9:,.0f}" for name in BYTES]
        made.add_row(stage, *cells, f"{each['microseconds'] * rows / 3.6e9:,.1f}")
    return made


def main() -> None:
    """Measures, prints tables, and writes the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000], help="interactions")
    parser.add_argument("--plan", type=int, default=1_000_000_000, help="interactions to plan for")
    parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=STAGES, help="only these, in this order")
    parser.add_argument("--folder", type=pathlib.Path, help="keep logs and outputs here")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("runs/benchmark-scale.json"), help="results")
    arguments = parser.parse_args()
    if len(set(arguments.rows)) < 2:
        parser.error("--rows: two sizes at least, for the difference between them")
    console, results = Console(), []
    with tempfile.TemporaryDirectory() as temporary:
        for rows in arguments.rows:
            folder = (arguments.folder or pathlib.Path(temporary)).absolute() / str(rows)
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("synthesize", *arguments.stages):
                with console.status(f"{name}, {rows:,} rows"):
                    results.append(measure(name, folder, rows, _ALL))
                print(json.dumps(results[-1]), flush=True)
    results = [each for each in results if each["stage"] in STAGES]
    console.print(measured(results))
    console.print(plan(slopes(results), arguments.plan))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    console.print(f"The same as JSON: {arguments.json}")


if __name__ == "__main__":
    main()
