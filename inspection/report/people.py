"""Users of the test split, with what they did, what the model would have shown them, and what they did next."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from inspection.report import interactions, words
from inspection.report.interactions import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inspection.report.facts import Facts

LATEST: Final = 10  # events of a history that are shown


@dataclasses.dataclass(frozen=True)
class Item:
    """An item: its id, its title or "", and whether it is the one that came next."""

    id: str
    title: str = ""
    next: bool = False


@dataclasses.dataclass(frozen=True)
class Person:
    """A user at the moment of the label.

    Args:
        user: the id.
        when: of the label.
        before: how many events there were; None: the history isn't known.
        latest: the last of them, the oldest first.
        top: what the model would have shown, best first.
        next: the item that came.
        place: a few words on its rank.
    """

    user: str
    when: str
    before: int | None
    latest: tuple[Item, ...]
    top: tuple[Item, ...]
    next: Item
    place: str


def people(facts: Facts) -> tuple[Person, ...]:
    """The chosen users; empty where the Evaluator left no rows."""
    chosen = facts.tested.chosen if facts.tested else ()
    wanted = [Wanted(row["user_id"], row["label"], row["label_timestamp"]) for row in chosen]
    gap = facts.results.config.get("sequence_gen.session_gap")
    histories = interactions.histories(facts.events, wanted, gap) if facts.events else {}
    tops = {row["user_id"]: [each for each in row["top_items"] or () if each][: facts.cutoff] for row in chosen}
    seen = [item for user in tops for item in (*tops[user], *histories.get(user, ())[-LATEST:])]
    titles = facts.titles([*seen, *(row["label"] for row in chosen)])
    return tuple(
        Person(
            user=row["user_id"],
            when=words.moment(row["label_timestamp"]),
            before=len(histories[row["user_id"]]) if row["user_id"] in histories else None,
            latest=_items(histories.get(row["user_id"], ())[-LATEST:], titles),
            top=_items(tops[row["user_id"]], titles, row["label"]),
            next=Item(row["label"], titles.get(row["label"], "")),
            place=_place(row["rank"], facts.cutoff),
        )
        for row in chosen
    )


def _items(ids: Sequence[str], titles: Mapping[str, str], label: str | None = None) -> tuple[Item, ...]:
    return tuple(Item(each, titles.get(each, ""), each == label) for each in ids)


def _place(rank: int, cutoff: int) -> str:
    if not rank:
        return "no candidate: training never saw it, or it was in the past already"
    return f"rank {rank:,}" + (", among those shown" if rank <= cutoff else "")
