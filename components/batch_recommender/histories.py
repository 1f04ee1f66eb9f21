"""A bucket's interactions -> what the model is asked: each user's events, or those of the latest session."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

import polars as pl

from schemas import features as f
from schemas import histories

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAST = "past"


@dataclasses.dataclass(frozen=True)
class Form:
    """How events become histories; as SequenceGen's options of these names.

    Args:
        repeats: drop keeps the first of a user's events with one item.
        session_gap: minutes; None: no sessions.
    """

    repeats: Literal["keep", "drop"]
    session_gap: float | None


@dataclasses.dataclass(frozen=True)
class Asked:
    """Some users, side by side.

    Args:
        users: ids.
        items, times: the newest `window` events of each, oldest first; where the past is masked, the items of before
            ahead of them, each once and at time 0, which the model doesn't read.
    """

    users: list[str]
    items: list[list[str]]
    times: list[list[int]]


def asked(rows: pl.DataFrame, form: Form, *, window: int, mask_seen: bool, batch_size: int) -> Iterator[Asked]:
    """Batches of users; those with histories of like length are in one, so that little of it is padding.

    Args:
        rows: plain interactions of whole users.
        form: how events become histories.
        window: events that the model reads.
        mask_seen: items of the past are no candidates.
        batch_size: users of a batch.
    """
    events, _ = histories.order(rows, form.repeats, form.session_gap)
    if form.session_gap is not None:
        events = events.with_columns(histories.person(pl.col(f.USER_ID)))
        latest = pl.col(histories.USER).max().over(f.USER_ID)
        events = events.filter(pl.col(histories.USER) == latest)
    newest = (pl.col(f.ITEM_ID).tail(window), pl.col(f.TIMESTAMP).tail(window))
    past = pl.col(f.ITEM_ID).head(pl.len() - pl.len().clip(upper_bound=window)).unique(maintain_order=True)
    users = (
        events.group_by(histories.USER, maintain_order=True)
        .agg(pl.col(f.USER_ID).first(), *newest, past.alias(_PAST))
        .sort(pl.col(f.ITEM_ID).list.len(), maintain_order=True)
    )
    for part in users.iter_slices(batch_size):
        ids, items, times, before = (part[name].to_list() for name in (f.USER_ID, f.ITEM_ID, f.TIMESTAMP, _PAST))
        if mask_seen:
            items = [[*old, *new] for old, new in zip(before, items, strict=True)]
            times = [[0] * len(old) + new for old, new in zip(before, times, strict=True)]
        yield Asked(ids, items, times)
