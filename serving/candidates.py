"""From the model's first items to the answer: which may be answered, in which order, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranker import explain, registry, rerank
from schemas.errors import SeqrankError
from schemas.features import FEATURE_PREFIX
from serving.calls import Ranked
from serving.messages import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.calls import Asked
    from serving.messages import Diversity, Filter
    from serving.model import Loaded


class TableError(SeqrankError):
    """A request needs what the model's items table doesn't have."""


def allowed(model: Loaded, found: Ranked, only: Sequence[str] | None, filters: Sequence[Filter]) -> Ranked:
    """The items, in their order, that a request lets through.

    Raises: TableError: no such column.
    """
    if only is None and not filters:
        return found
    _check(model, filters)
    among = None if only is None else frozenset(only)
    kept = [
        (item, score)
        for item, score in zip(found.items, found.scores, strict=True)
        if (among is None or item in among) and all(_holds(model.items.get(item, {}), each) for each in filters)
    ]
    return Ranked([item for item, _ in kept], [score for _, score in kept])


def ordered(model: Loaded, found: Ranked, k: int, told: Diversity | None, history: Sequence[str]) -> Ranked:
    """The k that are answered.

    Args:
        told: None, or strength 0: the first k.
        history: the user's items, for what compares with them.
    Raises: TableError: the model has no attributes of items to tell them apart by.
    """
    if told is None or told.strength == 0:
        return Ranked(found.items[:k], found.scores[:k])
    if not columns(model):
        raise TableError("diversity: the model was trained without an items table that has categories")
    made = rerank.slate(found.scores, *([_all_values(model, item) for item in each] for each in (found.items, history)))
    at = registry.load("rerank", told.method).order(made, k, told.strength).tolist()
    return Ranked([found.items[n] for n in at], [found.scores[n] for n in at])


def reasons(model: Loaded, asked: Asked, items: Sequence[str], most: int) -> list[tuple[Reason, ...]]:
    """For each answer the items of the history that speak most for it; a call of the model."""
    weights = explain.occlusion(model.ranker, asked.items, asked.times, items, asked.user)
    return [
        tuple(
            Reason(item_id=item, title=model.title(item), weight=weight)
            for item, weight in explain.strongest(asked.items, row, most)
        )
        for row in weights
    ]


def columns(model: Loaded) -> list[str]:
    """What filters can name."""
    row: dict[str, Any] = next(iter(model.items.values()), {})
    return sorted(name.removeprefix(FEATURE_PREFIX) for name in row if name.startswith(FEATURE_PREFIX))


def _all_values(model: Loaded, item: str) -> list[str]:
    row = model.items.get(item, {})
    return [f"{column}={value}" for column in columns(model) for value in _values(row, FEATURE_PREFIX + column)]


def _values(row: dict[str, Any], feature: str) -> list[str]:
    """What an item's column holds, as text."""
    held = row.get(feature)
    return [] if held is None else [str(each) for each in held] if isinstance(held, list) else [str(held)]


def _holds(row: dict[str, Any], told: Filter) -> bool:
    held = set(_values(row, told.feature))
    return (
        (not told.any_of or not held.isdisjoint(told.any_of))
        and held.issuperset(told.all_of)
        and held.isdisjoint(told.none_of)
    )


def _check(model: Loaded, filters: Sequence[Filter]) -> None:
    known = columns(model)
    unknown = [each.column for each in filters if each.column not in known]
    if unknown:
        have = ", ".join(known) or "none: it was trained without an items table"
        raise TableError(f"filters: there is no column {unknown[0]!r}; the model's are {have}")
