"""How good the model is, beside what needs no model, and why it was blessed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from inspection.report import charts, words
from inspection.report.blocks import Heading, Paragraph, Table
from inspection.results import CANDIDATE, EVALUATOR, OVERALL, TEST, VALID
from ranker import bootstrap, metrics
from schemas import features

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inspection.report.blocks import Block
    from inspection.report.facts import Facts

TITLE = "Quality"
ORDER = 60
NAMES: Final = {
    CANDIDATE: "this model", "popularity": "most popular", "baseline": "latest blessed model",
    "recent": "own latest items", "constant": "one probability", "item_mean": "item's mean", "mean": "mean of all",
}  # fmt: skip
_PARTS: Final = {
    features.HISTORY_LENGTH: "history of {} events", features.LABEL_POPULARITY: "next item {}",
    features.LABEL_REPEATS: "next item {}",
}  # fmt: skip
_BUCKETS: Final = {
    features.LABEL_REPEATS: {"0": "new to the user", "1": "seen before by the user"},
    features.LABEL_POPULARITY: {
        "head": "popular (head)",
        "middle": "in the middle",
        "tail": "rare (tail)",
        "cold": "not in training (cold)",
    },
}
_OF_RANKS: Final = {"hr": metrics.hr_at_k, "ndcg": metrics.ndcg_at_k, "mrr": metrics.mrr_at_k}
_COUNT: Final = "examples"


def blocks(facts: Facts) -> list[Block]:
    """The verdict's checks, figures over all examples, then by slice."""
    if not facts.results.metrics:
        return [Paragraph(facts.missing(EVALUATOR, "evaluation", "figures"), "note")]
    return [*_verdict(facts), *_overall(facts), *_differences(facts), *_by_slice(facts)]


def _verdict(facts: Facts) -> list[Block]:
    came = facts.results
    if came.blessed is None:
        return []
    rows = tuple((str(each["name"]).replace("_", " "), "passed" if each["passed"] else "not passed", str(each["why"]))
                 for each in came.checks)  # fmt: skip
    return [
        Paragraph(came.why, "good" if came.blessed else "bad"),
        Table("What was asked of the model, on validation", ("check", "result", "why"), rows, False, frozenset({1, 2})),
    ]


def _overall(facts: Facts) -> list[Block]:
    made: list[Block] = []
    for split in (TEST, VALID):
        models = facts.results.metrics.get(split, {})
        of = {NAMES.get(name, name): parts.get(OVERALL, {}) for name, parts in models.items()}
        names = [name for name in dict.fromkeys(name for each in of.values() for name in each) if _shown(name, facts)]
        count = facts.results.figure(_COUNT, split)
        title = f"Figures on {split}" + (f", {words.several(int(count.value), 'example')}" if count else "")
        if split == TEST:
            ranks = [f"{name}@{facts.cutoff}" for name in _OF_RANKS if f"{name}@{facts.cutoff}" in names]
            if ranks:
                about = "Higher is better. The thin lines are 95 % intervals, by drawing users again."
                made.append(charts.intervals("Quality on test", about, "metric", ("value", of), ranks))
        rows = tuple((name, *(words.interval(each.get(name)) for each in of.values())) for name in names)
        if rows:
            made.append(Table(f"{title} (with 95 % intervals)", ("metric", *of), rows, folded=split != TEST))
    return made


def _shown(name: str, facts: Facts) -> bool:
    """Metrics of one cutoff, and those that have none."""
    return name != _COUNT and ("@" not in name or name.endswith(f"@{facts.cutoff}"))


def _differences(facts: Facts) -> list[Block]:
    """This model less each other, paired by user, on test."""
    found = facts.tested
    if found is None or CANDIDATE not in found.ranks or not len(found.users):
        return []
    users = np.unique(found.users, return_inverse=True)[1]
    others = [name for name in found.ranks if name != CANDIDATE]
    columns = {
        (other, name): of(found.ranks[CANDIDATE], facts.cutoff) - of(found.ranks[other], facts.cutoff)
        for other in others
        for name, of in _OF_RANKS.items()
    }
    if not columns:
        return []
    each = bootstrap.intervals(np.stack(list(columns.values()), axis=1), users)
    rows = tuple(
        (f"{name}@{facts.cutoff} against {NAMES[other]}", f"{gain.value:+.4f}",
         words.between(gain.low, gain.high, "+.4f"),
         "better" if gain.low > 0 else "worse" if gain.high < 0 else "can't be told apart")
        for (other, name), gain in zip(columns, each, strict=True)
    )  # fmt: skip
    columns_shown = ("what", "difference", "95 % interval", "this model is")
    return [Table("Differences on test, paired by user", columns_shown, rows, False, frozenset({3}))]


def _by_slice(facts: Facts) -> list[Block]:
    models = facts.results.metrics.get(TEST, {})
    metric = f"ndcg@{facts.cutoff}"
    parts = _ordered(part for part in models.get(CANDIDATE, {}) if part != OVERALL)
    parts = [part for part in parts if metric in models[CANDIDATE][part]]
    if not parts:
        return []
    names = [_said(part) for part in parts]
    of = {
        NAMES.get(model, model): {
            name: found.get(part, {}).get(metric) for name, part in zip(names, parts, strict=True)
        }
        for model, found in models.items()
        if any(metric in each for each in found.values())
    }
    counts = [models[CANDIDATE][part].get(_COUNT) for part in parts]
    rows = tuple(
        (name, words.number(int(count.value) if count else None), *(words.interval(each[name]) for each in of.values()))
        for name, count in zip(names, counts, strict=True)
    )
    short = {name: part.split("=", 1)[-1] for name, part in zip(names, parts, strict=True)}
    made: list[Block] = [Heading("By slice")]
    for kind in dict.fromkeys(part.split("=", 1)[0] for part in parts):
        inside = [name for name, part in zip(names, parts, strict=True) if part.split("=", 1)[0] == kind]
        if len(inside) > 1:
            chosen = {model: {short[name]: found[name] for name in inside} for model, found in of.items()}
            words_of = kind.replace("_", " ")
            about = f"{metric} of each group of test examples by {words_of}, with 95 % intervals."
            title = f"{metric} by {words_of}"
            made.append(charts.intervals(title, about, words_of, (metric, chosen), [short[name] for name in inside]))
    return [*made, Table(f"{metric} on test by slice (with 95 % intervals)", ("slice", "examples", *of), rows)]


def _ordered(parts: Iterable[str]) -> list[str]:
    """In the order of the buckets, not of the letters."""
    order = {
        features.HISTORY_LENGTH: [name for _, name in features.HISTORY_LENGTH_BUCKETS],
        features.LABEL_POPULARITY: list(features.POPULARITY_BUCKETS),
    }

    def key(part: str) -> tuple[int, int, str]:
        kind, _, bucket = part.partition("=")
        known = order.get(kind, [])
        return (list(_PARTS).index(kind) if kind in _PARTS else len(_PARTS),
                known.index(bucket) if bucket in known else len(known), bucket)  # fmt: skip

    return sorted(parts, key=key)


def _said(part: str) -> str:
    kind, _, bucket = part.partition("=")
    bucket = _BUCKETS.get(kind, {}).get(bucket, bucket)
    return _PARTS[kind].format(bucket) if kind in _PARTS else part
