"""Which of the model's first items may be answered: by list, and by what the items table says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.errors import SeqrankError
from schemas.features import FEATURE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.calls import Ranked
    from serving.messages import Filter
    from serving.model import Loaded


class FilterError(SeqrankError):
    """A filter names a column that the model's items table lacks."""


def allowed(model: Loaded, found: Ranked, only: Sequence[str] | None, filters: Sequence[Filter]) -> Ranked:
    """The items, in their order, that a request lets through.

    Raises: FilterError: no such column.
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
    return type(found)([item for item, _ in kept], [score for _, score in kept])


def columns(model: Loaded) -> list[str]:
    """What filters can name."""
    row: dict[str, Any] = next(iter(model.items.values()), {})
    return sorted(name.removeprefix(FEATURE_PREFIX) for name in row if name.startswith(FEATURE_PREFIX))


def values(row: dict[str, Any], feature: str) -> list[str]:
    """What an item's column holds, as text."""
    held = row.get(feature)
    return [] if held is None else [str(each) for each in held] if isinstance(held, list) else [str(held)]


def _holds(row: dict[str, Any], told: Filter) -> bool:
    held = set(values(row, told.feature))
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
        raise FilterError(f"filters: there is no column {unknown[0]!r}; the model's are {have}")
