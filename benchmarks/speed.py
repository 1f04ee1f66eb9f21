"""How fast ours trains, beside RecBole's GRU4Rec: one command, one machine, the same interactions, widths and window.

make benchmark                       # about two hours on two cores, most of them the peer's training on one thread
make benchmark ARGS="--no-quality"   # the speed of a step and of evaluation alone: a quarter of an hour

Each measurement is a process of its own, bound to as many cores as it has threads. Ours and the peer's take turns, so
that neither gets the quiet half of the hour. Batch sizes are searched for each; each is compared at its best. The table
goes to the terminal, and all figures to <folder>/speed.json.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.peers.order import newest_interactions, ordered
from benchmarks.runs import prepare

PEERS: Final = pathlib.Path(__file__).parent / "peers"
# RecBole's defaults; window 50 is our default as well. Overlap and the rest are as shipped for MovieLens-100K.
WIDTHS: Final = ("trainer.model.embedding_dim=64", "trainer.model.architecture.units=128")
OURS_BATCHES: Final = (64, 128, 256, 512)
PEER_BATCHES: Final = (512, 2048, 4096)
_MEASURES: Final = {
    "targets_per_second": "targets trained a second",
    "share_of_machine": "share of the machine's matrix rate",
    "first_step_seconds": "s from disk to the first step",
    "users_per_second": "users evaluated a second",
    "peak_bytes": "peak memory, bytes",
}


def best(found: dict[int, dict[str, float]]) -> tuple[int, dict[str, float]]:
    """The batch size that trains most targets a second, and its figures."""
    return max(found.items(), key=lambda pair: pair[1]["targets_per_second"])


def ratios(ours: dict[str, float], peer: dict[str, float]) -> dict[str, float]:
    """Ours over the peer's, of every figure that both have."""
    return {name: ours[name] / peer[name] for name in _MEASURES if name in ours and name in peer}


def seconds_to(curve: Sequence[Sequence[float]], target: float) -> float | None:
    """When a curve of (seconds, NDCG@10) first reaches a figure; None: never."""
    return next((seconds for seconds, value in curve if value >= target), None)


def searched(measure: Callable[[int], dict[str, float]], batches: Sequence[int]) -> dict[int, dict[str, float]]:
    """Figures by batch size."""
    return {batch: measure(batch) for batch in batches}


def on_cores(command: Sequence[str | pathlib.Path], threads: int) -> dict[str, Any]:
    """Runs a command that ends with a line of JSON, bound to so many cores."""
    cores = set(sorted(os.sched_getaffinity(0))[:threads])
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.getcwd()}
    ended = subprocess.run(
        [str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, env=environment,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    return json.loads(ended.stdout.strip().splitlines()[-1])


class Sides:
    """What is run for each of the two."""

    def __init__(self, arguments: argparse.Namespace, order: pathlib.Path) -> None:
        self._arguments, self._order = arguments, order

    def ours(self, what: str, threads: int, *settings: str) -> dict[str, Any]:
        root, config = self._arguments.root, self._arguments.config
        command = [sys.executable, "-m", "benchmarks.speed_ours", what, "--root", root, "--config", config]
        command += [part for setting in settings for part in ("--set", setting)]
        return on_cores([*command, "--threads", str(threads)], threads)

    def ours_at(self, threads: int) -> Callable[[int], dict[str, float]]:
        return lambda batch: self.ours("speed", threads, *WIDTHS, f"trainer.batch_size={batch}")

    def peer_at(self, threads: int, *more: str) -> Callable[[int], dict[str, float]]:
        command = [self._arguments.peer_python, PEERS / "recbole_speed.py", "--order", self._order, *more]
        return lambda batch: on_cores([*command, "--threads", str(threads), "--batch", str(batch)], threads)

    def peer_trained(self) -> dict[str, Any]:
        """The record of the peer's whole training, from its file or trained now on one thread."""
        record = self._arguments.peer_record or self._arguments.folder / "GRU4Rec.json"
        if not record.exists():
            command = [self._arguments.peer_python, PEERS / "recbole_peer.py", "--order", self._order]
            subprocess.run([*command, "--output", record.with_suffix(".csv"), "--threads", "1"], check=True)
        return json.loads(record.read_text(encoding="utf-8"))


def quality(sides: Sides) -> dict[str, Any]:
    """Seconds to the peer's final NDCG@10 on validation, on one thread: at the peer's widths, and as shipped."""
    peer = sides.peer_trained()
    # What else ran beside a training of an hour must not count against the peer.
    target, took = peer["valid"]["ndcg@10"], min(peer["seconds"], peer["processor_seconds"] / peer["threads"])
    made: dict[str, Any] = {"peer": {**peer, "seconds": took}, "target": target}
    for name, settings in (("same_widths", WIDTHS), ("shipped", ())):
        found = sides.ours("quality", 1, *settings)
        reached = seconds_to(found["curve"], target)
        made[name] = {**found, "seconds": reached, "share": reached and reached / took}
    return made


def measured(sides: Sides, threads: int) -> dict[str, Any]:
    """Both sides at every batch size, in turns, and the best of each held against the other."""
    ours, peer = sides.ours_at(threads), sides.peer_at(threads)
    found: dict[str, dict[int, dict[str, float]]] = {"ours": {}, "peer": {}}
    for n in range(max(len(OURS_BATCHES), len(PEER_BATCHES))):
        found["ours"] |= searched(ours, OURS_BATCHES[n : n + 1])
        found["peer"] |= searched(peer, PEER_BATCHES[n : n + 1])
    chosen = {name: best(each) for name, each in found.items()}
    # Importing RecBole switches on torch's search for NaN in every gradient; it is shown both as it is and without.
    unchecked = sides.peer_at(threads, "--no-gradient-checks")(chosen["peer"][0])
    return {
        "searched": found,
        "batch": {name: batch for name, (batch, _) in chosen.items()},
        **{name: figures for name, (_, figures) in chosen.items()},
        "ratio": ratios(chosen["ours"][1], chosen["peer"][1]),
        "peer_unchecked": {**unchecked, "ratio": ratios(chosen["ours"][1], unchecked)},
    }


def table(record: dict[str, Any]) -> Table:
    """A line a measure and a number of threads."""
    made = Table(title="Ours and RecBole's GRU4Rec, each at its best batch size")
    for column in ("threads", "measure", "ours", "GRU4Rec", "ratio"):
        made.add_column(column, justify="left" if column == "measure" else "right")
    for threads, found in record["speed"].items():
        for name, words in _MEASURES.items():
            cells = (_figure(found["ours"][name]), _figure(found["peer"][name]), _figure(found["ratio"][name]))
            made.add_row(str(threads), words, *cells)
        unchecked, name = found["peer_unchecked"], "targets_per_second"
        cells = (_figure(found["ours"][name]), _figure(unchecked[name]), _figure(unchecked["ratio"][name]))
        made.add_row(str(threads), "the same, RecBole's checks of every gradient off", *cells)
    if "quality" in record:
        found = record["quality"]
        for name in ("same_widths", "shipped"):
            words = f"s to valid NDCG@10 {found['target']:.4f} ({name.replace('_', ' ')})"
            cells = (_figure(found[name]["seconds"]), _figure(found["peer"]["seconds"]), _figure(found[name]["share"]))
            made.add_row("1", words, *cells)
    return made


def _figure(value: float | None) -> str:
    return "never" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def machine() -> dict[str, Any]:
    """What it was measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "tensorflow": importlib.metadata.version("tensorflow"),
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def order_for_peer(root: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Writes out the order of a run's interactions for the peer."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered(newest_interactions(root)).write_csv(folder / "order.csv")
    return folder / "order.csv"


def main() -> None:
    """Measures everything, prints the table, writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("runs"), help="output root of a run")
    parser.add_argument("--config", type=pathlib.Path, default=pathlib.Path("configs/movielens-100k.yaml"))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs-peers"), help="for the results")
    parser.add_argument("--peer-python", default=".venv-peers/bin/python")
    parser.add_argument("--peer-record", type=pathlib.Path, help="JSON that recbole_peer.py left beside its ranks")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--no-quality", action="store_true", help="leave out the trainings to the peer's quality")
    arguments = parser.parse_args()
    record: dict[str, Any] = {"machine": machine(), "widths": WIDTHS}
    prepare(arguments.root, arguments.config)
    sides = Sides(arguments, order_for_peer(arguments.root, arguments.folder))
    record["speed"] = {threads: measured(sides, threads) for threads in arguments.threads}
    if not arguments.no_quality:
        record["quality"] = quality(sides)
    Console().print(table(record))
    (arguments.folder / "speed.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
