"""The model card: what the model is for, what it was made from, how good it is, and where it must not be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inspection.report import words
from inspection.report.blocks import Heading, Paragraph, Table
from inspection.results import CANDIDATE, OVERALL, TEST

if TYPE_CHECKING:
    from inspection.report.blocks import Block
    from inspection.report.facts import Facts

TITLE = "Model card"
ORDER = 90
_USES: Final = {
    "next_item": "Ranks the items of its catalogue for the next event of a user, from the user's latest events. Its "
    "scores order items for one user; they are no probabilities and can't be compared between users.",
    "pointwise": "Says how likely each item is a user's next event, against items drawn at random as in training, and "
    "ranks the catalogue by it.",
    "rating": "Says how a user will rate each item, and ranks the catalogue by it.",
}
_FEW: Final = 1000  # examples, below which intervals are wide


def blocks(facts: Facts) -> list[Block]:
    """From the run's facts alone: nobody has to write it, and it can't grow old."""
    return [
        Heading("Intended use"),
        Paragraph(_USES.get(facts.head, f"A model with the head {facts.head}.")),
        Paragraph(
            "Meant for recommending within the catalogue and the kind of users that it was trained on. Not meant for "
            "decisions about people, nor as a measure of what an item is worth."
        ),
        Heading("What it is"),
        Table("Facts", ("what", "value"), _facts(facts), False, frozenset({1})),
        Heading("Limits"),
        *(Paragraph(each) for each in _limits(facts)),
    ]


def _facts(facts: Facts) -> tuple[tuple[str, str], ...]:
    came, config = facts.results, facts.results.config
    counts, gate, sequences = came.counts or {}, came.gate or {}, came.sequences or {}
    architecture, members = (config.get(f"trainer.model.{name}") for name in ("architecture.name", "members"))
    # What `auto` stood for is known once there was a training.
    loss = (came.training or {}).get("loss", {}).get("name") or config.get("trainer.model.loss.name")
    span = (
        f"{words.moment(gate['first_time'])} to {words.moment(gate['last_time'])} UTC" if gate.get("first_time") else ""
    )
    found = {
        "run": facts.run.line.id,
        "pipeline": facts.run.line.pipeline,
        "made (UTC)": f"{facts.run.line.started:%Y-%m-%d %H:%M}",
        "architecture": architecture,
        "members": members if (members or 1) > 1 else None,
        "head and loss": architecture and f"{facts.head}, {loss}",
        "data": ", ".join(each["name"] for each in counts.get("files", ())),
        "time of the events": span,
        "trained on": sequences and f"{words.several(sequences['training_interactions'], 'event')}, "
        f"{words.several(sequences['users'], 'user')}, {words.several(sequences['items'], 'item')}",
        "split": config.get("sequence_gen.split.name"),
        f"ndcg@{facts.cutoff} on test": _figure(facts, f"ndcg@{facts.cutoff}"),
        f"hr@{facts.cutoff} on test": _figure(facts, f"hr@{facts.cutoff}"),
        "blessed": None if came.blessed is None else "yes" if came.blessed else "no",
        "served from": came.pushed,
        "code": facts.commit and f"commit {facts.commit}",
    }  # fmt: skip
    return tuple((name, str(value)) for name, value in found.items() if value)


def _figure(facts: Facts, name: str) -> str | None:
    metric = facts.results.figure(name)
    return words.interval(metric) if metric else None


def _limits(facts: Facts) -> list[str]:
    came = facts.results
    sequences, counts = came.sequences or {}, came.counts or {}
    told = [
        "Measured offline, on what users did without it, or with what was shown to them then: what they would do with "
        "its recommendations is known only from a test with users.",
        "What is rare in the log is rare in what it shows; whoever isn't in the log is not in the figures.",
    ]
    cold, examples = (sequences.get(key, {}).get(TEST, 0) for key in ("cold_labels", "examples"))
    if examples:
        told.append(
            f"{cold:,} of {examples:,} labels of the test split ({words.share(cold / examples)}) are items that "
            "training never saw; by events alone no model ranks those."
        )
    if 0 < examples < _FEW:
        told.append(f"{words.several(examples, 'test example')} are few: read the intervals, not the figures alone.")
    if counts.get("rejected"):
        share = counts["rejected"] / max(counts["read"], 1)
        told.append(f"{words.share(share)} of the log's rows could not be used and are in none of the figures.")
    if facts.tested and len(facts.tested.users) < facts.tested.rows:
        told.append(
            f"{len(facts.tested.users):,} of {facts.tested.rows:,} test labels were ranked, by a draw of users."
        )
    return told + _weakest(facts)


def _weakest(facts: Facts) -> list[str]:
    """The slice of the lowest quality that holds enough examples to say so."""
    metric = f"ndcg@{facts.cutoff}"
    parts = facts.results.metrics.get(TEST, {}).get(CANDIDATE, {})
    whole = parts.get(OVERALL, {}).get(metric)
    found = [
        (each[metric].value, name)
        for name, each in parts.items()
        if name != OVERALL and metric in each and "examples" in each and each["examples"].value >= 30
    ]
    if whole is None or not found:
        return []
    lowest, name = min(found)
    if lowest >= whole.value:
        return []
    said = name.replace("_", " ").replace("=", ": ")
    return [f"Weakest where {said}: {metric} {words.number(lowest)}, against {words.number(whole.value)} over all."]
