"""What each knob of the model is worth: trainings that differ from the shipped configuration in one thing.

make ablation                       # MovieLens-100K, three seeds; hours on two cores
make ablation ARGS="--seeds 0"      # one seed of each first; what is there already isn't trained again
make ablation ARGS="--set trainer.schedule=cosine"      # around another configuration

Every training is a process of its own on one thread, with the Trainer's own data, model, loss and optimiser, and its
whole schedule. Validation alone decides what is kept, so only validation is reported. What was trained is kept beside
the table, a line of JSON each, under a hash of all that the training depends on.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import hashlib
import json
import math
import os
import pathlib
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import yaml
from rich.console import Console
from rich.progress import track

from benchmarks.runs import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE: Final = pathlib.Path(__file__).parent
_LAST: Final = 5  # epochs whose mean stands beside the best
_NAME: Final = "shipped"


@dataclasses.dataclass(frozen=True)
class Training:
    """One training: what is set over the configuration, and the seed."""

    name: str
    settings: tuple[str, ...]
    seed: int


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: means over seeds, and the difference from the shipped configuration with the same seeds.

    loss: the lowest of a training, on validation; of use beside others of the same loss alone.
    """

    name: str
    settings: tuple[str, ...]
    seeds: int
    best: float
    last: float
    difference: float
    error: float | None
    loss: float
    seconds: float


def one(root: pathlib.Path, config: pathlib.Path, training: Training) -> dict[str, Any]:
    """Trains, in this process: NDCG@10 and HR@10 of the best epoch, the curve, and seconds in fit."""
    from benchmarks.profile import read_job
    from pipeline.config import load

    job = read_job(root, load(config, [*training.settings, f"trainer.seed={training.seed}"]))
    patient = job.options.model_copy(update={"patience": job.options.epochs})
    job = dataclasses.replace(job, options=patient)
    found = job.train(job.train_files, job.valid_files, checkpoint=None)
    best = found.history[found.best_epoch - 1]
    return {
        "best_epoch": found.best_epoch,
        "ndcg@10": best["val_ndcg@10"],
        "hr@10": best["val_hr@10"],
        "curve": [epoch["val_ndcg@10"] for epoch in found.history],
        "loss": [epoch["val_loss"] for epoch in found.history],
        "seconds": found.fit_seconds,
    }


def key(config: pathlib.Path, training: Training) -> str:
    """Of a training: a hash of the resolved configuration of its Trainer and of the data stages before it."""
    from pipeline.config import load

    resolved = load(config, [*training.settings, f"trainer.seed={training.seed}"]).model_dump(mode="json")
    used = {stage: resolved[stage] for stage in ("example_gen", "sequence_gen", "transform", "trainer")}
    return hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()[:16]


def rows(found: dict[tuple[str, int], dict[str, Any]], variants: dict[str, list[str]]) -> list[Row]:
    """The table, in the order of the variants; those without a training are left out.

    Args:
        found: results by name and seed.
        variants: settings by name.
    """
    made = []
    for name, settings in variants.items():
        seeds = [seed for (each, seed) in found if each == name]
        if not seeds:
            continue
        results = [found[name, seed] for seed in seeds]
        pairs = [
            found[name, seed]["ndcg@10"] - found[_NAME, seed]["ndcg@10"] for seed in seeds if (_NAME, seed) in found
        ]
        last = [_mean(result["curve"][-_LAST:]) for result in results]
        made.append(
            Row(
                name=name,
                settings=tuple(settings),
                seeds=len(seeds),
                best=_mean([result["ndcg@10"] for result in results]),
                last=_mean(last),
                difference=_mean(pairs) if pairs else math.nan,
                error=_standard_error(pairs),
                loss=_mean([min(result["loss"]) for result in results]),
                seconds=_mean([result["seconds"] for result in results]),
            )
        )
    return made


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _standard_error(values: list[float]) -> float | None:
    """Of the mean; None for fewer than two values, or where they can't differ."""
    if len(values) < 2 or not any(values):
        return None
    mean = _mean(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def markdown(table: list[Row]) -> str:
    """The table as Markdown."""
    lines = [
        "| setting | seeds | valid NDCG@10, best epoch | last five | against shipped | lowest loss | s of fit |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in table:
        against = "" if row.name == _NAME else f"{row.difference:+.4f}"
        if row.error is not None:
            against += f" ± {row.error:.4f}"
        what = f"{row.name} (`{' '.join(row.settings)}`)" if row.settings else row.name
        figures = f"{row.best:.4f} | {row.last:.4f} | {against} | {row.loss:.3f} | {row.seconds:.0f}"
        lines.append(f"| {what} | {row.seeds} | {figures} |")
    return "\n".join(lines) + "\n"


class Results:
    """Lines of JSON in a file, by key."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path, self._lock = path, threading.Lock()
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._found = {record["key"]: record for record in map(json.loads, lines)}

    def get(self, key_: str) -> dict[str, Any] | None:
        return self._found.get(key_)

    def add(self, record: dict[str, Any]) -> None:
        with self._lock, self._path.open("a", encoding="utf-8") as out:
            self._found[record["key"]] = record
            out.write(json.dumps(record) + "\n")


def train(training: Training, arguments: argparse.Namespace, results: Results) -> dict[str, Any]:
    """The result of a training, from what was kept or from a process of its own."""
    key_ = key(arguments.config, training)
    kept = results.get(key_)
    if kept is not None:
        return kept
    root = data_root(arguments.root, arguments.config, training.settings)
    command = [sys.executable, "-m", "benchmarks.ablation", "--root", root, "--config", arguments.config]
    command += ["--one", json.dumps(dataclasses.asdict(training))]
    alone = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, env={**os.environ, **alone}, check=True, stdout=subprocess.PIPE, text=True)
    record = {"key": key_, **dataclasses.asdict(training), **json.loads(ended.stdout.splitlines()[-1])}
    results.add(record)
    return record


def data_root(root: pathlib.Path, config: pathlib.Path, settings: Sequence[str]) -> pathlib.Path:
    """The output root whose sequences a training reads: Transform keeps users only where a model embeds them."""
    from pipeline.config import load
    from pipeline.training import embeds_users

    return root / "with-users" if embeds_users(load(config, settings)) else root


def main() -> None:
    """Trains what is missing, a seed of each setting after the other, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("runs-ablation"), help="output root of a run")
    parser.add_argument("--config", type=pathlib.Path, default=pathlib.Path("configs/movielens-100k.yaml"))
    parser.add_argument("--variants", type=pathlib.Path, default=HERE / "ablation.yaml")
    parser.add_argument("--only", nargs="+", help="names of variants")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="over it, in every training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="trainings at a time")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        given = json.loads(arguments.one)
        training = Training(given["name"], tuple(given["settings"]), given["seed"])
        print(json.dumps(one(arguments.root, arguments.config, training)))
        return
    variants = yaml.safe_load(arguments.variants.read_text(encoding="utf-8"))
    wanted = {name: variants[name] for name in arguments.only or variants}
    around = tuple(arguments.set)
    trainings = [Training(name, (*around, *what), seed) for seed in arguments.seeds for name, what in wanted.items()]
    for place in dict.fromkeys(data_root(arguments.root, arguments.config, each.settings) for each in trainings):
        users = ("trainer.model.user_embedding=true", "trainer.epochs=1")
        prepare(place, arguments.config, *(() if place == arguments.root else users))
    results = Results(arguments.root / "ablation.jsonl")
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        made = pool.map(lambda training: train(training, arguments, results), trainings)
        found = {
            (training.name, training.seed): result
            for training, result in zip(trainings, track(made, total=len(trainings)), strict=True)
        }
    table = rows(found, wanted)
    (arguments.root / "ablation.md").write_text(markdown(table), encoding="utf-8")
    record = [dataclasses.asdict(row) for row in table]
    (arguments.root / "ablation.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    Console().print(markdown(table), highlight=False, markup=False)


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
