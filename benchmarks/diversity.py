"""What more diverse, or better calibrated, recommendations cost: NDCG@10 against each as the strength grows.

make benchmark-diversity                   # trains MovieLens-100K with its genres first; minutes
make benchmark-diversity ARGS="--root runs --split valid"    # the latest run of another output root

The model's own first items for every label of a split are put in another order by each file of ranker/rerank, at each
strength, just as /recommend would, and measured by ranker/metrics.py: NDCG, intra-list distance by the items table's
categories, divergence of the list's categories from the past's, coverage and Gini of exposure, novelty. Writes
diversity.json and diversity.png.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ranker.saved import SavedRanker

STRENGTHS: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
ITEMS: Final = (
    "items={data: [data/movielens-100k/items.csv], columns: {id: item_id, title: title, categories: [genres]}}"
)
_BATCH: Final = 256
_COLUMNS: Final = ("ndcg", "ild", "divergence", "coverage", "gini", "novelty")


class Attributes:
    """Categories of items.

    Args:
        values: item id -> its categories' values.
    """

    def __init__(self, values: dict[str, list[str]]) -> None:
        from ranker import metrics

        self.values = values
        known = {value: n for n, value in enumerate(sorted({v for row in values.values() for v in row}))}
        held = [list(dict.fromkeys(row)) for row in values.values()]
        self.table = metrics.numbered(held, known, max(map(len, held), default=0))

    def of(self, items: Sequence[str]) -> list[list[str]]:
        """Values of each item."""
        return [self.values.get(item, []) for item in items]


def curve(
    answers: Sequence[tuple[Sequence[str], Sequence[float], Sequence[str], str]],
    attributes: Attributes,
    counts: dict[str, int],
    k: int,
    strengths: Sequence[float] = STRENGTHS,
) -> list[dict[str, Any]]:
    """Each method at each strength.

    Args:
        answers: of each label the model's first items, their scores, the items of the history, and the label.
        attributes: of the items.
        counts: item id -> events of training.
        k: cutoff.
        strengths: in [0, 1].
    Returns: method, strength, and _COLUMNS.
    """
    from ranker import registry, rerank

    slates = [
        rerank.slate(scores, attributes.of(items), attributes.of(history)) for items, scores, history, _ in answers
    ]
    found = []
    for method in registry.names("rerank"):
        order = registry.load("rerank", method).order
        for strength in strengths:
            at = [order(slate, k, strength) for slate in slates]
            lists = [[answer[0][n] for n in places] for answer, places in zip(answers, at, strict=True)]
            far = np.mean([_divergence(slate, places) for slate, places in zip(slates, at, strict=True)])
            labels = [label for *_, label in answers]
            found.append(
                {"method": method, "strength": strength, "divergence": float(far),
                 **measure(lists, labels, attributes, counts, k)}
            )  # fmt: skip
    return found


def measure(
    lists: Sequence[Sequence[str]], labels: Sequence[str], attributes: Attributes, counts: dict[str, int], k: int
) -> dict[str, float]:
    """NDCG@k, and how the lists spread."""
    from ranker import metrics

    ranks = np.array([items.index(label) + 1 if label in items else 0
                      for items, label in zip(map(list, lists), labels, strict=True)], np.int64)  # fmt: skip
    of_training = metrics.numbered(lists, {item: n for n, item in enumerate(counts)}, k)
    of_table = metrics.numbered(lists, {item: n for n, item in enumerate(attributes.values)}, k)
    number = np.array(list(counts.values()))
    shown = np.bincount(of_training[of_training >= 0], minlength=len(counts))
    return {
        "ndcg": float(metrics.ndcg_at_k(ranks, k).mean()),
        "ild": float(np.nanmean(metrics.intra_list_distance_at_k(of_table, k, attributes.table))),
        "coverage": metrics.coverage_at_k(of_training, k, len(counts)),
        "gini": metrics.gini(shown),
        "novelty": float(np.nanmean(metrics.novelty_at_k(of_training, k, number))),
    }


def _divergence(slate: Any, places: np.ndarray) -> float:
    """Kullback and Leibler's, of the list from the past; 0 where nothing is known of the past."""
    from ranker.rerank.calibrated import kullback_leibler

    if not slate.history.any():
        return 0.0
    return float(kullback_leibler(slate.history, slate.shares()[places].mean(axis=0)[None])[0])


def answered(model: SavedRanker, pattern: str) -> Iterator[tuple[list[str], list[float], list[str], str]]:
    """What the model says of each example, as `curve` takes it."""
    import tensorflow as tf

    from schemas import features as f
    from schemas.records import from_examples

    files = tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(pattern)), compression_type="GZIP")
    for batch in files.batch(_BATCH).as_numpy_iterator():
        examples = batch.tolist()
        answer, read = model.serve(examples), from_examples(examples)
        histories, labels = (
            read.column(read.schema.get_field_index(name)).to_pylist() for name in (f.HISTORY, f.LABEL)
        )
        for items, scores, history, label in zip(answer.item_ids, answer.scores, histories, labels, strict=True):
            there = items != ""
            yield (items[there].tolist(), scores[there].tolist(), [each.decode() for each in history or ()],
                   label[0].decode())  # fmt: skip


def of_run(root: pathlib.Path, split: str, k: int, strengths: Sequence[float]) -> list[dict[str, Any]]:
    """The curve of an output root's latest run."""
    import polars as pl

    from inspection.connection import sqlite_store
    from inspection.store import Store
    from ranker import saved
    from schemas import features as f
    from schemas.contents import ITEM_COUNTS_FILE
    from schemas.models import saved_model_folder

    run = Store(sqlite_store(root / "metadata.sqlite")).run("latest")
    places = {(stage.name, key): held[0].uri for stage in run.stages for key, held in stage.outputs.items() if held}
    folder = saved_model_folder(places["Trainer", "model"])
    table = saved.items(folder)
    if table is None:
        raise SystemExit("The model was trained without an items table, so nothing tells its items apart.")
    columns = [name for name, kind in table.schema.items()
               if name.startswith(f.FEATURE_PREFIX) and kind == pl.List(pl.String)]  # fmt: skip
    values = {
        row[f.ITEM_ID]: [f"{column}={value}" for column in columns for value in row[column] or ()]
        for row in table.iter_rows(named=True)
    }
    counts = pl.read_parquet(f"{places['SequenceGen', 'item_counts']}/{ITEM_COUNTS_FILE}")
    answers = list(answered(saved.load(folder), f"{places['SequenceGen', 'sequences']}/Split-{split}/*.gz"))
    print(f"{len(answers)} labels of {split}, {len(answers[0][0])} items of the model's for each.")
    return curve(answers, Attributes(values), dict(counts.iter_rows()), k, strengths)


def shown(found: Sequence[dict[str, Any]], k: int) -> Table:
    """A line a method and strength."""
    made = Table("method", "strength", *(f"{name}@{k}" for name in _COLUMNS))
    for record in found:
        made.add_row(record["method"], f"{record['strength']:.1f}", *(f"{record[name]:.4f}" for name in _COLUMNS))
    return made


def plot(found: Sequence[dict[str, Any]], path: pathlib.Path, k: int) -> None:
    """Two panels: NDCG against distance, and against divergence; a line a method, a point a strength."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained", sharey=True)
    axes = (("ild", f"intra-list distance@{k}: more is more diverse"),
            ("divergence", f"divergence from the past's categories@{k}: less is better calibrated"))  # fmt: skip
    for panel, (name, words) in zip(panels, axes, strict=True):
        for method in dict.fromkeys(record["method"] for record in found):
            records = [record for record in found if record["method"] == method]
            x, y = ([record[key] for record in records] for key in (name, "ndcg"))
            panel.plot(x, y, marker="o", markersize=4, label=method)
            for at in (0, len(records) // 2, len(records) - 1):
                panel.annotate(
                    f"{records[at]['strength']:g}", (x[at], y[at]), textcoords="offset points", xytext=(5, 5)
                )
        panel.set(xlabel=words)
        panel.grid(alpha=0.3)
    panels[0].set(ylabel=f"NDCG@{k}", ylim=(0, None))
    panels[0].legend(frameon=False)
    figure.suptitle("What another order costs; the numbers are strengths")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Trains where there is no run, prints the table, writes the JSON and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("runs-diversity"), help="an output root")
    parser.add_argument("--split", choices=["valid", "test"], default="test")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--strengths", type=float, nargs="+", default=list(STRENGTHS))
    told = parser.parse_args()
    if not (told.root / "latest").exists():
        command = [sys.executable, "-m", "pipeline.cli", "run", "--output", str(told.root), "--set", ITEMS]
        subprocess.run(command, check=True)
    found = of_run(told.root, told.split, told.k, told.strengths)
    Console().print(shown(found, told.k))
    record = {"split": told.split, "k": told.k, "measured": found}
    (told.root / "diversity.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    plot(found, told.root / "diversity.png", told.k)
    print(f"{told.root / 'diversity.json'}, {told.root / 'diversity.png'}")


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    main()
