"""What changed in the data since the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspection import results
from inspection.report import drift, words
from inspection.report.blocks import Paragraph, Table
from inspection.report.facts import item_counts
from inspection.results import SEQUENCES

if TYPE_CHECKING:
    from inspection.report.blocks import Block
    from inspection.report.facts import Facts

TITLE = "Since the run before"
ORDER = 40


def blocks(facts: Facts) -> list[Block]:
    """Nothing where there is no run before."""
    before = facts.previous
    if before is None:
        return []
    first, second = facts.uri(SEQUENCES, "item_counts", before), facts.uri(SEQUENCES, "item_counts")
    name = before.line.id
    if second is None:
        return [Paragraph(facts.missing(SEQUENCES, "item_counts", f"comparison with the data of {name}"), "note")]
    if first == second:
        return [Paragraph(f"The sequences are those of {name}, taken from the cache: nothing in the data changed.")]
    counts = item_counts(first)
    if counts is None or facts.items is None:
        return [Paragraph(f"The item counts of {name} or of this run were deleted: no comparison.", "note")]
    found = drift.between(counts, facts.items)
    if found is None:
        return [Paragraph(f"{name} or this run has no items in training: no comparison.", "note")]
    title = facts.titles([found.item]).get(found.item)
    item = f"{title} ({found.item})" if title else found.item
    about = (
        f"The largest change of an item's share of training events (L-infinity distance) is {found.distance:.4f}: "
        f"{item}, from {found.before:.2%} to {found.after:.2%}. Of each run's {found.popular} most popular items, "
        f"{found.common} are in both; {found.new:,} items are new and {found.gone:,} are gone."
    )
    return [Paragraph(about), _counts(facts, before)]


def _counts(facts: Facts, before: results.Run) -> Table:
    old, new = results.of(before), facts.results
    rows = []
    for what, section, key in (
        ("rows read", "counts", "read"),
        ("rows rejected", "counts", "rejected"),
        ("users", "sequences", "users"),
        ("items in training", "sequences", "items"),
        ("events in training", "sequences", "training_interactions"),
    ):
        a, b = ((getattr(each, section) or {}).get(key) for each in (old, new))
        change = (
            f"{b - a:+,}" + (f" ({(b - a) / a:+.1%})" if a else "") if a is not None and b is not None else words.NONE
        )
        rows.append((what, words.number(a), words.number(b), change))
    return Table(f"Data of {before.line.id} and of this run", ("what", "before", "now", "change"), tuple(rows))
