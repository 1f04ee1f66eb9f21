"""The verdict, what ran, and the figures that matter most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inspection.records import CANCELLED, FAILED, RUNNING
from inspection.report import words
from inspection.report.blocks import Paragraph, Tile, Tiles
from inspection.results import TEST

if TYPE_CHECKING:
    from inspection.report.blocks import Block
    from inspection.report.facts import Facts
    from inspection.results import Metric

TITLE = "At a glance"
ORDER = 10
POPULARITY = "popularity"
# What a head is judged by before ranks, and which side of it is good.
OF_HEADS: Final = {"rating": ("rmse", "mae"), "pointwise": ("log_loss", "auc")}


def blocks(facts: Facts) -> list[Block]:
    """The verdict and tiles; of a run that failed, where."""
    line, came = facts.run.line, facts.results
    names = [*OF_HEADS.get(facts.head, ()), *(f"{name}@{facts.cutoff}" for name in ("ndcg", "hr", "mrr", "coverage"))]
    figures = [(name, came.figure(name)) for name in names]
    tiles = [_tile(facts, name, metric) for name, metric in figures if metric]
    counts = came.counts or {}
    if "read" in counts:
        rejected = counts.get("rejected", 0)
        tiles.append(Tile("rows read", words.number(counts["read"]), f"{words.number(rejected)} rejected"))
    sequences = came.sequences or {}
    if "users" in sequences:
        tiles.append(Tile("users", words.number(sequences["users"]), f"{words.number(sequences['items'])} items"))
    cached = f"{line.cached} of {words.several(line.stages, 'stage')} from the cache"
    tiles.append(Tile("time", words.took(line.seconds), cached))
    stopped = [Paragraph(came.stopped, "bad")] if came.stopped else []
    return [_verdict(facts), *stopped, Tiles(tuple(tiles))]


def _verdict(facts: Facts) -> Paragraph:
    came, state = facts.results, facts.run.line.state
    if state == FAILED:
        names = ", ".join(stage.name for stage in facts.failed)
        return Paragraph(f"Failed: the run ended in {names}. What follows is as far as it came.", "bad")
    if came.blessed is not None:
        return Paragraph(
            came.why or ("Blessed." if came.blessed else "Not blessed."), "good" if came.blessed else "bad"
        )
    if state in (RUNNING, CANCELLED):
        return Paragraph(f"This run is {state}: there is no verdict.", "note")
    return Paragraph(facts.missing("Evaluator", "evaluation", "verdict"), "note")


def _tile(facts: Facts, name: str, metric: Metric) -> Tile:
    bounds = "" if metric.low is None or metric.high is None else (
        f"95 % interval {words.number(metric.low)} to {words.number(metric.high)}"
    )  # fmt: skip
    popular = facts.results.figure(name, TEST, POPULARITY)
    beside = f"most popular: {words.number(popular.value)}" if popular else ""
    return Tile(f"{name}, test", words.number(metric.value), "; ".join(each for each in (bounds, beside) if each))
