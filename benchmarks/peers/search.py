"""A search for better settings of RecBole's models, as many trials at once as asked for; on a GPU where told so.

    make search-peers ARGS="--jobs 2 --rungs 400 1200"  # on the order that benchmark-peers has written

For each model: its defaults and settings drawn at random, one seed each. With rungs each is trained for the first of
them, in seconds; the best third goes on to the next, and the best third of those to RecBole's own end. What has the
best masked validation NDCG@10 is trained with two more seeds, and the defaults with as many as asked for. Epochs are
chosen by the same figure. Test ranks of each are written beside, and no choice reads them. The same command goes on
with a search that was killed. It imports nothing of ours, so it runs wherever RecBole does.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

PEER = pathlib.Path(__file__).with_name("recbole_peer.py")
SEEDS = (2020, 2021, 2022)
DEFAULTS = "defaults"
KEEP = 3  # one in so many goes on to the next rung
# glibc gives large blocks back to the system and asks for them anew in every step; kept, GRU4Rec trains a sixth faster.
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}
# Around RecBole's defaults, and wider on the side where so small a log asks for it: dropout, smaller steps, decay.
SHARED = {
    "learning_rate": (5e-4, 1e-3, 2e-3, 4e-3),
    "train_batch_size": (512, 1024, 2048),
    "weight_decay": (0.0, 1e-6, 1e-5, 1e-4),
    "MAX_ITEM_LIST_LENGTH": (50, 100),
}
SPACE = {
    "SASRec": {
        **SHARED,
        "hidden_size": (64, 128, 256),
        "inner_size": (128, 256, 512),
        "n_layers": (1, 2, 3),
        "n_heads": (1, 2, 4),
        "hidden_dropout_prob": (0.3, 0.4, 0.5, 0.6),
        "attn_dropout_prob": (0.2, 0.35, 0.5),
    },
    "GRU4Rec": {
        **SHARED,
        "embedding_size": (64, 128, 256),
        "hidden_size": (128, 256, 512),
        "num_layers": (1, 2),
        "dropout_prob": (0.2, 0.3, 0.4, 0.5, 0.6),
    },
}
KEYS = sorted({key for space in SPACE.values() for key in space})


class Job(NamedTuple):
    """One training."""

    model: str
    name: str
    seed: int
    settings: dict[str, object]


def drawn(model: str, trials: int, only: Sequence[str] = ()) -> list[dict[str, object]]:
    """Settings of a model, the same ones every time; where some are named, the others stay as RecBole has them."""
    source = random.Random(f"{model} 0")
    space = {key: values for key, values in SPACE[model].items() if not only or key in only}
    return [{key: source.choice(values) for key, values in space.items()} for _ in range(trials)]


def kept(output: pathlib.Path, most: float) -> dict[str, Any] | None:
    """The record of an earlier call, if it is of all that is asked for now."""
    if not output.with_suffix(".json").exists():
        return None
    record = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    whole = record["ended"] == "stopped early by RecBole" or record["seconds"] > most
    return record if whole else None


def launched(job: Job, args: argparse.Namespace, output: pathlib.Path, most: float, until: float) -> bool:
    """Trains in a process of its own; whether it ended well. The arguments are train's, and where ranks go."""
    left = until - time.monotonic()
    if left < args.least:
        return False
    command = [sys.executable, str(PEER), "--order", str(args.order), "--output", str(output), "--model", job.model]
    command += ["--seed", str(job.seed), "--max-seconds", str(min(most, left - args.least / 2))]
    command += ["--state", str(args.folder / "states" / output.stem), "--no-gradient-checks", "--choose", "masked"]
    for key, value in {**job.settings, "use_gpu": args.gpu}.items():
        command += ["--set", f"{key}={value}"]
    with output.with_suffix(".log").open("a", encoding="utf-8") as log:
        process = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False, env={**os.environ, **KEPT})
    if process.returncode:
        print(f"{output.stem} failed with {process.returncode}", flush=True)
    return process.returncode == 0


def train(job: Job, args: argparse.Namespace, most: float, until: float) -> dict[str, Any] | None:
    """Trains, or goes on with what an earlier call has left.

    Args:
        job: what is trained.
        args: the search's.
        most: seconds of training, an earlier call's among them.
        until: by the monotonic clock, when everything has to be over.
    Returns: its record; None where there was too little time, or it failed (the log says why).
    """
    output = args.folder / f"{job.model}-{job.name}-{job.seed}.csv"
    record = kept(output, most)
    if record is None:
        if not launched(job, args, output, most, until):
            return None
        record = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    valid, test = record["valid"]["ndcg@10"], record["test"]["ndcg@10"]
    told = f"{valid:.4f} {test:.4f} {record['epochs']} epochs {record['seconds']:.0f} s {job.settings}"
    print(f"{output.stem} {told}", flush=True)
    return {**record, "name": job.name, "drawn": job.settings}


def trials(model: str, number: int, only: Sequence[str]) -> list[Job]:
    """The defaults and what was drawn, one training each."""
    settings = {DEFAULTS: {}, **{f"trial{n}": each for n, each in enumerate(drawn(model, number, only))}}
    return [Job(model, name, SEEDS[0], each) for name, each in settings.items()]


def halved(model: str, args: argparse.Namespace, run: Callable[[list[Job], float], list[dict[str, Any]]]) -> list[Job]:
    """Trains ever fewer trials of a model ever longer.

    Args:
        model: RecBole's name of it.
        args: the search's.
        run: trains jobs for so many seconds and returns the records of those that ended well.
    Returns: the other seeds of the best, and of the defaults as many as asked for.
    """
    jobs = {job.name: job for job in trials(model, args.trials, args.only)}
    records: list[dict[str, Any]] = []
    for most in (*args.rungs, float("inf")):
        found = run(list(jobs.values()), most)
        records = sorted(found, key=lambda record: -record["valid"]["ndcg@10"]) or records
        going_on = [record["name"] for record in records[: math.ceil(len(records) / KEEP)]]
        jobs = {name: jobs[name] for name in going_on}
    if not jobs:
        return []
    best = next(iter(jobs.values()))
    print(f"best of {args.trials} trials of {model} and its defaults: {best.name} {best.settings}", flush=True)
    again = [best._replace(seed=seed) for seed in SEEDS[1:]]
    if best.name != DEFAULTS:
        again += [Job(model, DEFAULTS, seed, {}) for seed in SEEDS[: args.default_seeds]]
    return again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--order", type=pathlib.Path, default=pathlib.Path("runs-peers/order.csv"))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs-peers/search"))
    parser.add_argument("--models", nargs="+", default=list(SPACE), choices=list(SPACE))
    parser.add_argument("--trials", type=int, default=24, help="settings of each model beside its defaults")
    parser.add_argument("--only", nargs="+", default=[], choices=KEYS, metavar="SETTING", help="draw these alone")
    parser.add_argument("--default-seeds", type=int, default=len(SEEDS), help="seeds of the defaults, at most three")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument(
        "--rungs", type=float, nargs="*", default=[], help="seconds of a trial after which a third goes on"
    )
    parser.add_argument(
        "--search-seconds", type=float, default=float("inf"), help="begin and go on with no trial after"
    )
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end everything after")
    parser.add_argument("--least", type=float, default=20.0, help="seconds below which a training isn't begun")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    everything: dict[tuple[str, str, int], dict[str, Any]] = {}

    def run(pool: concurrent.futures.Executor, until: float, jobs: list[Job], most: float) -> list[dict[str, Any]]:
        found = [record for record in pool.map(lambda job: train(job, args, most, until), jobs) if record is not None]
        everything.update({(each["model"], each["name"], each["seed"]): each for each in found})
        return found

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        searching = functools.partial(run, pool, began + min(args.search_seconds, args.seconds))
        more = [job for model in args.models for job in halved(model, args, searching)]
        run(pool, began + args.seconds, more, float("inf"))
    summary = [{**record, "curve": None} for record in everything.values()]
    (args.folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
