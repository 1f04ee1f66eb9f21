"""The closing table of a run: what a person reads of its summary."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from rich.table import Table

from components.example_gen.spans import shown
from schemas import features

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from schemas.runs import Summary

CANDIDATE, POPULARITY, RECENT, OVERALL = "candidate", "popularity", "recent", "overall"  # keys of metrics.json
EXAMPLES, SCORED = "examples", "scored"
_SHOWN: Final = ("hr@10", "ndcg@10", "mrr@10", "coverage@10")
_IN_SLICES: Final = "ndcg@10"
_INFORMATIVE: Final = (0.01, 0.99)  # of the labels: a slice of fewer says little, one of more says what overall says


@dataclasses.dataclass(frozen=True)
class OfHead:
    """What is shown of a head whose scores are more than an order.

    metrics: in this order. baselines: keys of metrics.json, and how a person calls them. words: what the labels are.
    """

    metrics: tuple[str, ...]
    baselines: Mapping[str, str]
    words: str


OF_HEAD: Final[Mapping[str, OfHead]] = {
    "pointwise": OfHead(
        ("log_loss", "auc", "accuracy", "calibration_error", "calibration"),
        {POPULARITY: "most popular", "constant": "one probability"},
        "labels beside drawn items",
    ),
    "rating": OfHead(("rmse", "mae"), {"item_mean": "item's mean", "mean": "mean of all"}, "ratings"),
}


def show(summary: Summary, console: Console) -> None:
    """Prints the closing summary."""
    console.print()
    if summary.head in OF_HEAD:
        console.print(_of_pairs(summary, OF_HEAD[summary.head]))
        console.print()
    console.print(_of_ranks(summary))
    for split, share in summary.ranked_share.items():
        if share < 1:
            console.print(f"{split}: {share:.1%} of the users, chosen by a hash of their ids", highlight=False)
    console.print()
    console.print(summary.why, highlight=False, soft_wrap=True)
    for name, value in _places(summary):
        console.print(f"  {name:<15} {value}", highlight=False, soft_wrap=True)


def _of_pairs(summary: Summary, head: OfHead) -> Table:
    """The metrics of the model's head beside what knows the item alone and what knows nothing, on test."""
    model = summary.metrics.get(features.TEST, {})
    beside = [summary.metrics.get(name, {}) for name in head.baselines]
    table = Table(box=None, pad_edge=False)
    table.add_column(f"test, {model.get(SCORED, 0):,.0f} {head.words}")
    for name in ("the model", *head.baselines.values()):
        table.add_column(name, justify="right")
    for metric in [name for name in head.metrics if name in model]:
        values = (of_model.get(metric) for of_model in (model, *beside))
        table.add_row(metric, *("" if value is None else f"{value:.4f}" for value in values))
    return table


def _of_ranks(summary: Summary) -> Table:
    """The model beside the trivial baselines, on test: over all labels, then over the slices that say more."""
    own = RECENT in summary.metrics
    table = Table(box=None, pad_edge=False)
    table.add_column("test, whole catalogue")
    for name in ("the model", "most popular", "times", *(["own latest"] if own else [])):
        table.add_column(name, justify="right")
    model, popular, recent = (summary.metrics.get(name, {}) for name in (features.TEST, POPULARITY, RECENT))
    for metric in [name for name in _SHOWN if name in model]:
        _row(table, metric, model[metric], popular.get(metric), recent.get(metric), own)
    for name, of_slice in _shown_slices(summary):
        popularity, latest = (of_slice.get(f"{other}_{_IN_SLICES}") for other in (POPULARITY, RECENT))
        share = of_slice[EXAMPLES] / model[EXAMPLES]
        _row(table, f"{_IN_SLICES} {name} {share:.0%}", of_slice[_IN_SLICES], popularity, latest, own)
    return table


def _row(table: Table, name: str, value: float, popular: float | None, recent: float | None, own: bool) -> None:
    """One metric; a baseline that has none, or 0, leaves its place empty."""
    beside = (f"{popular:.4f}", f"{value / popular:.2f}") if popular else ("", "")
    latest = [f"{recent:.4f}" if recent is not None else ""] if own else []
    table.add_row(name, f"{value:.4f}", *beside, *latest)


def _shown_slices(summary: Summary) -> list[tuple[str, dict[str, float]]]:
    """Slices of which each holds some of the labels and not about all of them."""
    labels = summary.metrics[features.TEST].get(EXAMPLES, 0)
    low, high = _INFORMATIVE
    return [
        (name, of_slice)
        for name, of_slice in summary.slices.items()
        if _IN_SLICES in of_slice and low * labels <= of_slice[EXAMPLES] <= high * labels
    ]


def _places(summary: Summary) -> list[tuple[str, str]]:
    cached = sum(stage.cached for stage in summary.stages.values())
    pushed = summary.pushed_model or "none; what was served stays"
    if summary.pushed_model and not summary.pushed:
        pushed += " (published before, nothing new)"
    tuned = ", ".join(f"{knob} {value}" for knob, value in summary.tuned.items())
    return [
        *([("tuned", tuned)] if tuned else []),
        *([("spans read", shown(summary.spans))] if summary.spans else []),
        ("pushed model", pushed),
        *([("report", summary.paths["report"])] if "report" in summary.paths else []),
        ("metadata", summary.paths["metadata"]),
        *([("for every user", summary.paths["recommendations"])] if "recommendations" in summary.paths else []),
        ("TensorBoard", f"tensorboard --logdir {summary.paths['tensorboard']}"),
        ("summary", summary.paths["summary"]),
        ("log", summary.paths["log"]),
        (
            "time",
            f"{summary.wall_seconds:.0f} s, {summary.fit_seconds:.0f} s of it in fit; "
            f"{cached} of {len(summary.stages)} stages from the cache",
        ),
    ]
