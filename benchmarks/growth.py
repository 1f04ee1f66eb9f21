"""Time and memory of a step of training and of ranking as the catalogue grows, for each loss.

make benchmark-growth                      # 10^3 to 10^6 made items; some twenty minutes on one core
make benchmark-growth ARGS="--items 1000"

The Trainer's own model, losses and optimiser (embeddings 64, LSTM 128, past items left out), on made batches of the
default shape: 64 rows of 50 positions, items drawn by Zipf's law. Each measurement is a process of its own on one
thread. Ranking is what the Evaluator does: the label's rank in the whole catalogue, for 64 users. Writes growth.json
and growth.png, and says up to how many items the full softmax is the better choice.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
from typing import Any, Final

from rich.console import Console
from rich.table import Table

LOSSES: Final = {
    "cross_entropy": {"name": "cross_entropy"},
    "sampled_softmax, by popularity": {"name": "sampled_softmax"},
    "sampled_softmax, in batch": {"name": "sampled_softmax", "negatives": {"name": "in_batch"}},
    "gbce": {"name": "gbce"},
    "bpr_max": {"name": "bpr_max"},
    "top1_max": {"name": "top1_max"},
    "binary_cross_entropy": {"name": "binary_cross_entropy"},
}
FULL, SAMPLED = "cross_entropy", "sampled_softmax, by popularity"
ROWS, WINDOW = 64, 50  # the defaults of trainer.batch_size and sequence_gen.window
TIMES: Final = 2.0  # a full softmax may take so many times a sampled one's step: it learns more from it
_SECONDS: Final = 8.0
_SEED: Final = 0


def batch(items: int, seed: int) -> dict[str, Any]:
    """A training batch of full rows: items by Zipf's law."""
    import numpy as np
    import tensorflow as tf

    from schemas.features import FIRST_ITEM

    draw = np.random.default_rng(seed)
    events = np.exp(draw.uniform(0.0, np.log(items), [ROWS, WINDOW + 1])).astype(np.int64) - 1 + FIRST_ITEM
    ids = tf.constant(np.minimum(events, items - 1 + FIRST_ITEM))
    return {"history": ids[:, :-1], "label": ids[:, 1:], "weight": tf.ones([ROWS, WINDOW])}


def one(items: int, loss: str, threads: int = 1) -> dict[str, float]:
    """Seconds of a step of training and of ranking ROWS users, and peak memory, in this process."""
    import numpy as np
    import tensorflow as tf

    from ranker import slices
    from ranker.catalogue import Catalogue
    from ranker.model import SequenceRanker
    from ranker.options import ModelOptions
    from ranker.training import compiled, numerics
    from ranker.training_options import TrainingOptions

    slices.share_cores(ROWS, threads)
    names, counts = np.arange(items).astype(str).astype(object), 1 + 10 * items // np.arange(1, items + 1)
    catalogue = Catalogue(names, counts, 0, 0, WINDOW, mask_seen=True)
    options = TrainingOptions(seed=_SEED)
    with numerics(options):
        model = compiled(lambda: SequenceRanker(ModelOptions(loss=LOSSES[loss]), catalogue), options, 1000)
        step = tf.function(model.train_step, autograph=False)
        batches = [batch(items, seed) for seed in range(4)]
        train = _median(lambda n: float(step(batches[n % 4])["loss"]))
        trained = _peak()
        rank = tf.function(lambda features: model.label_ranks(features), autograph=False)
        asked = [{**each, "label": each["label"][:, -1], "seen": each["label"][:, :0]} for each in batches]
        ranked = _median(lambda n: rank(asked[n % 4]).numpy())
    return {"train_seconds": train, "train_peak_bytes": trained, "rank_seconds": ranked, "peak_bytes": _peak()}


def _median(work: Any) -> float:
    """Of the seconds that calls take, the first two apart, for some seconds and at least three of them."""
    times: list[float] = []
    until = time.perf_counter() + _SECONDS
    while len(times) < 5 or time.perf_counter() < until:
        began = time.perf_counter()
        work(len(times))
        times.append(time.perf_counter() - began)
    return sorted(times[2:])[len(times[2:]) // 2]


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def crossing(found: list[dict[str, Any]], times: float = TIMES) -> float | None:
    """Items up to which a step of the full softmax takes less than `times` that of the sampled one.

    Between two catalogues that were measured, by the straight line of logarithms; None: it always does.
    """
    import math

    seconds = {(record["loss"], record["items"]): record["train_seconds"] for record in found}
    sizes = sorted({items for loss, items in seconds if loss == FULL and (SAMPLED, items) in seconds})
    ratios = [(items, seconds[FULL, items] / seconds[SAMPLED, items]) for items in sizes]
    for (small, low), (large, high) in itertools.pairwise(ratios):
        if low < times <= high:
            share = math.log(times / low) / math.log(high / low)
            return math.exp(math.log(small) + share * math.log(large / small))
    return None


def table(found: list[dict[str, Any]], threads: int = 1) -> Table:
    made = Table(title=f"A step of training, and of ranking {ROWS} users; threads: {threads}")
    for column in ("items", "loss", "ms a step", "peak GB", "ms to rank", "peak GB with it"):
        made.add_column(column, justify="left" if column == "loss" else "right")
    for record in found:
        values = (1000 * record["train_seconds"], record["train_peak_bytes"] / 1e9)
        ranked = (1000 * record["rank_seconds"], record["peak_bytes"] / 1e9)
        made.add_row(f"{record['items']:,}", record["loss"], *(f"{value:,.1f}" for value in (*values, *ranked)))
    return made


def plot(found: list[dict[str, Any]], path: pathlib.Path) -> None:
    """Two panels, step time and peak memory against items, a line a loss."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import ScalarFormatter

    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for loss in LOSSES:
        records = sorted((record for record in found if record["loss"] == loss), key=lambda record: record["items"])
        items = [record["items"] for record in records]
        style = {"marker": "o", "linewidth": 2.5 if loss == FULL else 1.2, "label": loss}
        panels[0].plot(items, [1000 * record["train_seconds"] for record in records], **style)
        panels[1].plot(items, [record["train_peak_bytes"] / 1e9 for record in records], **style)
    for panel, words in zip(panels, ("milliseconds a step", "peak memory of the process, GB"), strict=True):
        panel.set(xscale="log", yscale="log", xlabel="items in the catalogue", ylabel=words)
        panel.grid(alpha=0.3, which="both")
    panels[1].yaxis.set_major_formatter(ScalarFormatter())
    panels[1].yaxis.set_minor_formatter(ScalarFormatter())
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle("A step of training as the catalogue grows: 64 rows of 50 positions, one thread")
    figure.savefig(path, dpi=100)


def measure(items: int, loss: str, threads: int) -> dict[str, Any]:
    """`one`, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.growth", "--one", json.dumps([items, loss, threads])]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        return {"items": items, "loss": loss, "failed": ended.returncode}
    return {"items": items, "loss": loss, **json.loads(ended.stdout.strip().splitlines()[-1])}


def main() -> None:
    """Measures each loss at each size, prints the table, writes the JSON and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=[10**3, 10**4, 10**5, 10**6])
    parser.add_argument("--losses", nargs="+", default=list(LOSSES), choices=list(LOSSES))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs-growth"))
    parser.add_argument("--threads", type=int, default=1, help="shared as a training's are (ranker.slices)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(*json.loads(arguments.one))))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    found = []
    for items in arguments.items:
        for loss in arguments.losses:
            record = measure(items, loss, arguments.threads)
            print(json.dumps(record), flush=True)
            found.append(record)
    whole = [record for record in found if "failed" not in record]
    Console().print(table(whole, arguments.threads))
    items = crossing(whole)
    print(f"A full softmax takes {TIMES:g} times a sampled one's step from {items or float('inf'):,.0f} items on.")
    record = {
        "rows": ROWS,
        "window": WINDOW,
        "threads": arguments.threads,
        "times": TIMES,
        "crossing": items,
        "measured": found,
    }
    (arguments.folder / "growth.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    plot(whole, arguments.folder / "growth.png")


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # as the Trainer's process has it
    main()
