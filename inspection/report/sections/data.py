"""The log: how much of it could be used, and how it spreads over users and items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from inspection import files
from inspection.report import charts, interactions, words
from inspection.report.blocks import Heading, Paragraph, Table
from inspection.results import EXAMPLE_GEN, GATE, SEQUENCES
from schemas import features

if TYPE_CHECKING:
    from inspection.report.blocks import Block
    from inspection.report.facts import Facts

TITLE = "Data"
ORDER = 30
_EXAMPLES: Final = 5  # of rejected rows
_POINTS: Final = 60
_RANKS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000, 1_000_000)
_SPLITS: Final = (
    ("interactions", "interactions, after duplicates and k-core"), ("duplicates", "exact duplicates, collapsed"),
    ("below_core", "dropped by k-core"), ("repeats_dropped", "dropped as repeats"), ("users", "users"),
    ("sessions", "sessions"), ("items", "items of the training split"),
    ("training_interactions", "interactions of the training split"),
)  # fmt: skip


def blocks(facts: Facts) -> list[Block]:
    """Counts, rejects, distributions."""
    counts = facts.results.counts
    if counts is None:
        return [Paragraph(facts.missing(EXAMPLE_GEN, "rejected", "counts of the log"), "note")]
    return [*_read(counts), *_rejected(facts, counts), *_gate(facts), *_sequences(facts), *_lengths(facts),
            *_popularity(facts)]  # fmt: skip


def _read(counts: Any) -> list[Block]:
    rows = tuple(
        (each["name"], words.number(each["read"]), words.number(each["rejected"]), words.number(each["size"]),
         str(each.get("sha256", ""))[:16])
        for each in counts.get("files", ())
    )  # fmt: skip
    said = f"{words.several(counts['read'], 'row')} read, {counts['used']:,} used, {counts['rejected']:,} rejected."
    return [
        Paragraph(said),
        Table("Files", ("file", "rows", "rejected", "bytes", "SHA-256, its beginning"), rows, False, frozenset({4})),
    ]


def _rejected(facts: Facts, counts: Any) -> list[Block]:
    if not counts["rejected"]:
        return []
    reasons = tuple((why, words.number(rows)) for why, rows in counts.get("reasons", {}).items())
    found: list[Block] = [Heading("Rejected rows"), Table("Why rows were rejected", ("reason", "rows"), reasons)]
    uri = facts.uri(EXAMPLE_GEN, "rejected")
    parts = [name for name, _ in files.names(uri) if name.endswith(".parquet")] if uri else []
    if parts and files.encrypted(f"{uri}/{parts[0]}"):
        return [*found, Paragraph(f"The rows themselves are encrypted: seqrank decrypt {uri} --to FOLDER", "note")]
    table = interactions.dataset(uri) if uri else None
    if table is None:
        return [*found, Paragraph("The rejected rows themselves are no longer there.", "note")]
    rows = table.head(_EXAMPLES, columns=["file", "line", "reason", "text"]).to_pylist()
    examples = tuple((f"{row['file']}:{row['line']}", str(row["reason"]), words.value(row["text"])) for row in rows)
    return [*found, Table("Examples", ("where", "reason", "the row"), examples, False, frozenset({1, 2}))]


def _gate(facts: Facts) -> list[Block]:
    gate = facts.results.gate
    if gate is None:
        return [Paragraph(facts.missing(GATE, "report", "checks of the data"), "note")]
    span = f"Events from {words.moment(gate.get('first_time'))} to {words.moment(gate.get('last_time'))} UTC."
    wrong = [
        Paragraph(f"{each['feature'] or 'the data'}: {each['what']}", "note") for each in gate.get("anomalies", ())
    ]
    return [Paragraph(span), *wrong, *(Paragraph(each, "note") for each in gate.get("warnings", ()))]


def _sequences(facts: Facts) -> list[Block]:
    told = facts.results.sequences
    if told is None:
        return [Paragraph(facts.missing(SEQUENCES, "report", "counts of sequences"), "note")]
    rows = [(said, words.number(told[name])) for name, said in _SPLITS if told.get(name) is not None]
    rows += [(f"examples, {split}", words.number(count)) for split, count in told.get("examples", {}).items()]
    rows += [
        (f"of these, labels that {said}, {split}", words.number(count))
        for key, said in (("cold_labels", "training never saw"), ("repeated_labels", "repeat the past"))
        for split, count in told.get(key, {}).items()
    ]
    return [Table("From events to examples", ("what", "count"), tuple(rows))]


def _lengths(facts: Facts) -> list[Block]:
    title = "History lengths"
    exact = interactions.events_a_user(facts.events) if facts.events else None
    if exact is not None and len(exact):
        edges = _edges(int(exact.max()))
        users = np.histogram(exact, [*edges, np.inf])[0]
        names = [_range(low, high) for low, high in zip(edges, [*edges[1:], int(exact.max()) + 1], strict=True)]
        begin = int(np.flatnonzero(users)[0])
        about = (
            f"The middle user has {words.several(int(np.median(exact)), 'event')}, the busiest {int(exact.max()):,}."
        )
        return [
            charts.bars(title, about, ("events of a user", names[begin:]), ("users", {"users": users[begin:].tolist()}))
        ]
    if facts.tested is None:
        return []
    names = [name for _, name in features.HISTORY_LENGTH_BUCKETS if name in facts.tested.lengths]
    counts = {"examples": [facts.tested.lengths[name] for name in names]}
    about = "Of the examples of the test split, by how much came before the label."
    return [charts.bars(title, about, ("events before the label", names), ("examples", counts))]


def _edges(most: int) -> list[int]:
    """1, 2, 5, 10, 20, 50 … up to the most."""
    return [step * 10**power for power in range(12) for step in (1, 2, 5) if step * 10**power <= max(most, 1)]


def _range(low: int, high: int) -> str:
    return f"{low:,}" if high - low <= 1 else f"{low:,}-{high - 1:,}"


def _popularity(facts: Facts) -> list[Block]:
    if facts.items is None or facts.items.is_empty():
        return [Paragraph(facts.missing(SEQUENCES, "item_counts", "counts of items"), "note")]
    counts = facts.items["count"].to_numpy()
    places = np.unique(np.geomspace(1, len(counts), _POINTS).round().astype(np.int64))
    top = -(-len(counts) // 10)
    about = f"The most popular tenth of the items has {words.share(counts[:top].sum() / counts.sum())} of all events."
    rows = tuple((words.number(at), words.number(int(counts[at - 1]))) for at in _RANKS if at <= len(counts))
    axes = "item's place by popularity", "training events"
    return [
        charts.lines(
            "Item popularity", f"{about} Both axes are logarithmic.", (axes[0], places.tolist()),
            (axes[1], {"items": counts[places - 1].tolist()}), scale="log",
            table=Table("Item popularity", axes, rows, folded=True),
        )
    ]  # fmt: skip
