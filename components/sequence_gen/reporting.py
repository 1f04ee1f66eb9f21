"""What SequenceGen counts on its way: numbers of buckets add up to the report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from components.sequence_gen import counts
from components.sequence_gen.splits import SPLIT, SplitOptions
from schemas import features as f
from schemas.histories import USER, person
from schemas.records import SequenceCounts


def of_split(events: pl.DataFrame, sessions: bool) -> dict[str, int]:
    """A bucket's interactions and users, whose events are all in it.

    Args:
        events: columns USER, user_id and SPLIT.
        sessions: whether each USER is a session.
    """
    users = events.group_by(USER).agg((pl.col(SPLIT) == f.TRAIN).any(), pl.col(f.USER_ID).first())
    numbers = {
        "interactions": events.height,
        "users": users.height,
        "users_without_training": users.height - int(users[SPLIT].sum()),
    }
    if sessions:
        people = users.select(person(pl.col(f.USER_ID)).n_unique()).item()
        numbers |= {"users": people, "sessions": users.height}
    return numbers


def add(reports: Iterable[dict[str, int]]) -> dict[str, int]:
    """The sum of several, key by key."""
    total: dict[str, int] = {}
    for report in reports:
        for key, number in report.items():
            total[key] = total.get(key, 0) + number
    return total


def made(
    total: dict[str, int], item_counts: pl.DataFrame, split: SplitOptions, buckets: int, newest: int | None = None
) -> SequenceCounts:
    """The report.

    Args:
        total: numbers of all buckets; "name/split" is the number of one split.
        item_counts: of training.
        split: the rule, resolved; its moments are part of the report where it has some.
        buckets: how many there were.
        newest: the span that labels come from; None: from the whole log.
    """
    nested: dict[str, Any] = {"below_core": 0, "items": item_counts.height, "buckets": buckets, "newest_span": newest}
    nested["training_interactions"] = int(item_counts[counts.COUNT].sum())
    nested |= {name: getattr(split, name, None) for name in ("valid_from", "test_from")}
    for key, number in total.items():
        name, _, of_split = key.partition("/")
        if of_split:
            nested.setdefault(name, {})[of_split] = number
        else:
            nested[name] = number
    return SequenceCounts(**nested)
