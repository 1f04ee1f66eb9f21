"""A search for better settings of RecBole's models, as many trials at once as asked for; on a GPU where told so.

    make search-peers ARGS="--jobs 2"  # on the order that benchmark-peers has written

For each model: its defaults with three seeds, then settings drawn at random, one seed each; those of them with the best
masked validation NDCG@10 are trained with two more seeds. Test ranks of each are written beside, and no choice reads
them. It imports nothing of ours, so it runs wherever RecBole does.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import sys
import time
from typing import Any, NamedTuple

PEER = pathlib.Path(__file__).with_name("recbole_peer.py")
SEEDS = (2020, 2021, 2022)
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


class Job(NamedTuple):
    """One training."""

    model: str
    name: str
    seed: int
    settings: dict[str, object]


def drawn(model: str, trials: int) -> list[dict[str, object]]:
    """Settings of a model, the same ones every time."""
    source = random.Random(f"{model} 0")
    return [{key: source.choice(values) for key, values in SPACE[model].items()} for _ in range(trials)]


def train(job: Job, args: argparse.Namespace, until: float) -> dict[str, Any] | None:
    """Trains in a process of its own, at most until then; its record, or None where it failed (the log says why)."""
    stem = f"{job.model}-{job.name}-{job.seed}"
    left = until - time.monotonic()
    if left < args.least:
        return None
    most = left - args.least / 2
    if job.name != "defaults":
        most = min(most, args.trial_seconds)
    output = args.folder / f"{stem}.csv"
    command = [sys.executable, str(PEER), "--order", str(args.order), "--output", str(output), "--model", job.model]
    command += ["--seed", str(job.seed), "--max-seconds", str(most)]
    for key, value in {**job.settings, "use_gpu": args.gpu}.items():
        command += ["--set", f"{key}={value}"]
    with (args.folder / f"{stem}.log").open("w", encoding="utf-8") as log:
        process = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False, env={**os.environ, **KEPT})
    if process.returncode:
        print(f"{stem} failed with {process.returncode}", flush=True)
        return None
    record = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    valid, test = record["valid"]["ndcg@10"], record["test"]["ndcg@10"]
    print(
        f"{stem} {valid:.4f} {test:.4f} {record['epochs']} epochs {record['seconds']:.0f} s {job.settings}", flush=True
    )
    return {**record, "name": job.name, "drawn": job.settings}


def trials(models: list[str], number: int) -> list[Job]:
    """One training of each settings, models by turns, so that each gets as far as the others when time runs out."""
    settings = {model: drawn(model, number) for model in models}
    return [Job(model, f"trial{n}", SEEDS[0], settings[model][n]) for n in range(number) for model in models]


def repeats(model: str, tried: list[dict[str, Any]]) -> list[Job]:
    """The other seeds of a model's best trial by validation; none where no trial of it ended."""
    mine = [record for record in tried if record["model"] == model]
    if not mine:
        return []
    best = max(mine, key=lambda record: record["valid"]["ndcg@10"])
    print(f"best of {len(mine)} trials of {model}: {best['name']} {best['drawn']}", flush=True)
    return [Job(model, best["name"], seed, best["drawn"]) for seed in SEEDS[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--order", type=pathlib.Path, default=pathlib.Path("runs-peers/order.csv"))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs-peers/search"))
    parser.add_argument("--models", nargs="+", default=list(SPACE), choices=list(SPACE))
    parser.add_argument("--trials", type=int, default=24, help="settings of each model beside its defaults")
    parser.add_argument("--default-seeds", type=int, default=len(SEEDS), help="seeds of the defaults, at most three")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument(
        "--search-seconds", type=float, default=float("inf"), help="begin and go on with no trial after"
    )
    parser.add_argument("--trial-seconds", type=float, default=float("inf"), help="most for one of drawn settings")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end everything after")
    parser.add_argument("--least", type=float, default=20.0, help="seconds below which a training isn't begun")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    ends, end = began + args.search_seconds, began + args.seconds
    defaults = [Job(model, "defaults", seed, {}) for seed in SEEDS[: args.default_seeds] for model in args.models]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        first = [pool.submit(train, job, args, end) for job in defaults]
        found = [pool.submit(train, job, args, ends) for job in trials(args.models, args.trials)]
        tried = [record for record in (each.result() for each in found) if record is not None]
        more = [job for model in args.models for job in repeats(model, tried)]
        again = [pool.submit(train, job, args, end) for job in more]
    everything = [each.result() for each in first] + tried + [each.result() for each in again]
    summary = [{**record, "curve": None} for record in everything if record is not None]
    (args.folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
