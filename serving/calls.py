"""The model's calls, for rows that came with different requests."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ranker.saved import Answer
    from serving.model import Loaded


@dataclasses.dataclass(frozen=True)
class Asked:
    """A history to answer.

    Args:
        items: ids, oldest first.
        times: beside them, milliseconds, 0: unknown.
        user: "": unknown.
        exclude: ids.
        now: milliseconds; None: right after the last event.
    """

    items: tuple[str, ...]
    times: tuple[int, ...]
    user: str = ""
    exclude: tuple[str, ...] = ()
    now: int | None = None


@dataclasses.dataclass(frozen=True)
class Ranked:
    """ids and scores [n], best first: the model's own first K, fewer where no more are left."""

    items: list[str]
    scores: list[float]


@dataclasses.dataclass(frozen=True)
class Stepped:
    """A state [S] float32 and the event that comes after it."""

    state: np.ndarray
    item: str
    time: int


@dataclasses.dataclass(frozen=True)
class Held:
    """A state [S] float32 to answer for, and what to leave out."""

    state: np.ndarray
    exclude: tuple[str, ...]


def recommend(model: Loaded, rows: Sequence[Asked]) -> list[Ranked]:
    """Whole histories."""
    # `now` is one more time beside no event; a row that has none gives its last time, which changes nothing.
    asking = any(row.now is not None for row in rows)
    now = [max(row.now or 0, *row.times[-1:], 0) for row in rows] if asking else None
    answer = model.ranker.recommend(
        [row.items for row in rows],
        [row.times for row in rows],
        [row.user for row in rows],
        [row.exclude for row in rows],
        now,
    )
    return _ranked(answer)


def step(model: Loaded, rows: Sequence[Stepped]) -> list[np.ndarray]:
    """States [S] after one event more each."""
    states = model.ranker.step(
        np.stack([row.state for row in rows]), [row.item for row in rows], [row.time for row in rows]
    )
    return list(states)


def rank(model: Loaded, rows: Sequence[Held]) -> list[Ranked]:
    """Kept states."""
    return _ranked(model.ranker.rank(np.stack([row.state for row in rows]), [row.exclude for row in rows]))


def _ranked(answer: Answer) -> list[Ranked]:
    made = []
    for ids, scores in zip(answer.item_ids.tolist(), answer.scores.tolist(), strict=True):
        left = len(ids) if ids[-1] else ids.index("")
        made.append(Ranked(ids[:left], scores[:left]))
    return made
