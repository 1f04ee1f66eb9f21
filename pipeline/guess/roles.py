"""Which column is user, item, time and the rest: by usual names and by what the values are like."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal

from pipeline.guess import content, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from pipeline.guess.columns import Column

Role = Literal["user", "item", "timestamp", "rating", "weight", "order", "event", "context", "none"]
SURE: Final = 0.8  # from here on a guess isn't listed among the unsure ones
_FEW: Final = 30  # distinct words of an event or context column
_UNSUPPORTED: Final = ("microseconds", "nanoseconds", "local")


@dataclasses.dataclass(frozen=True)
class Guess:
    """What a column is taken for.

    Args:
        column: its name.
        role: none: it is left out.
        confidence: 0 to 1.
        why: in words.
    """

    column: str
    role: Role
    confidence: float
    why: str


@dataclasses.dataclass(frozen=True)
class Roles:
    """A guess for each column, in the file's order."""

    guesses: tuple[Guess, ...]

    def column(self, role: Role) -> str | None:
        """The column that has a role; of context the first."""
        return next((guess.column for guess in self.guesses if guess.role == role), None)

    def all(self, role: Role) -> tuple[str, ...]:
        """All columns that have a role."""
        return tuple(guess.column for guess in self.guesses if guess.role == role)

    def of(self, role: Role) -> Guess | None:
        """The guess behind `column`."""
        return next((guess for guess in self.guesses if guess.role == role), None)


def guess(columns: Mapping[str, Column], frame: pl.DataFrame, told: Mapping[Role, str | None]) -> Roles:
    """Gives each column a role.

    Args:
        columns: of the file's first rows, in its order.
        frame: these rows.
        told: columns whose role is known; None: there is no such column.
    Returns: the roles; user, item or timestamp is missing where nothing is like it.
    """
    hunt = _Hunt(columns, frame, dict(told))
    for find in (hunt.time, hunt.event, hunt.user, hunt.item, hunt.rating, hunt.weight, hunt.order, hunt.context):
        find()
    return Roles(tuple(hunt.found.get(name) or hunt.left_out(column) for name, column in columns.items()))


class _Hunt:
    """Finds one role after the other; what has one is no candidate for the next."""

    def __init__(self, columns: Mapping[str, Column], frame: pl.DataFrame, told: dict[Role, str | None]) -> None:
        self.columns, self.frame, self.told = columns, frame, told
        self.found: dict[str, Guess] = {}
        self.named = {name: names.role(name) for name in columns}
        for role, column in told.items():
            if column is not None:
                self._take(column, role, 1.0, "you said so")

    def _take(self, column: str, role: Role, confidence: float, why: str) -> None:
        self.found[column] = Guess(column, role, min(confidence, 1.0), why)

    def _free(self) -> Iterator[Column]:
        return (column for name, column in self.columns.items() if name not in self.found)

    def _nearness(self, column: Column, role: names.Role) -> float:
        """How near the column's name is to a usual one of the role, 0 to 1."""
        return names.near(column.name, role)

    def _has(self, role: Role) -> str | None:
        return next((guess.column for guess in self.found.values() if guess.role == role), None)

    def time(self) -> None:
        if "timestamp" in self.told:
            return
        scored = []
        for column in self._free():
            near = self._nearness(column, "time")
            if (not column.unit and not (near and column.is_number)) or (self.named[column.name] and not near):
                continue
            usable = bool(column.unit) and column.unit not in _UNSUPPORTED
            scored.append((near + 0.5 * usable + 0.2 * (column.rising > 0.95) + 0.1 * column.unique, column, near))
        if not scored:
            return
        _, column, near = max(scored, key=lambda entry: entry[0])
        alone = sum(bool(other.unit) for _, other, _ in scored) == 1
        named = f"the name '{column.name}' says so; " if near else ""
        why = f"{named}{_time_words(column)}"
        confidence = (0.95 if near >= SURE else 0.85 if near or alone else 0.65) if column.unit else 0.5
        self._take(column.name, "timestamp", confidence, why)

    def event(self) -> None:
        if "event" in self.told:
            return
        for column in self._free():
            if column.is_number or not 1 <= column.distinct <= _FEW:
                continue
            known = sum(n for word, n in column.words.items() if names.event_weight(word) is not None)
            share = known / max(1, sum(column.words.values()))
            near = self._nearness(column, "event")
            if share >= 0.5 or (near and share > 0):
                why = f"{column.distinct} different words, such as {_listed(column.examples)}, that mean events"
                return self._take(column.name, "event", 0.6 + 0.3 * share * max(near, 0.8), why)

    def user(self) -> None:
        if "user" in self.told:
            return
        for role in ("user", "session"):
            best = max(self._ids(), key=lambda column: self._nearness(column, role), default=None)
            if best and (near := self._nearness(best, role)) >= names.NEAR:
                why = f"the name '{best.name}' says so; {best.distinct:,} different in {best.rows:,} rows"
                if role == "session":
                    why += "; nothing names a user, so each session is one"
                return self._take(best.name, "user", 0.95 * near if role == "user" else 0.8, why)
        items = self._named("item")
        candidates = [column for column in self._ids() if column not in items and self._may_be_an_id(column)]
        if len(candidates) < 1 + (not items):
            return None  # a stream of items: something must be left to recommend
        chosen = content.user(candidates, self.frame, self._has("timestamp"))
        if chosen:
            self._take(chosen.column, "user", chosen.confidence, chosen.why)
        return None

    def item(self) -> None:
        if "item" in self.told:
            return
        candidates = list(self._ids())
        named = [column for column in candidates if self._nearness(column, "item")]
        if named:
            best = max(named, key=lambda column: (self._nearness(column, "item"), column.distinct))
            near = self._nearness(best, "item")
            why = f"the name '{best.name}' says so; {best.distinct:,} different in {best.rows:,} rows"
            rival = [column.name for column in named if column is not best and self._nearness(column, "item") == near]
            why += f"; {_listed(rival)} could be it, too" if rival else ""
            return self._take(best.name, "item", (0.95 if not rival else 0.7) * near, why)
        usable = [column for column in candidates if self._may_be_an_id(column)]
        chosen = content.item(usable, self.frame)
        if chosen:
            self._take(chosen.column, "item", chosen.confidence, chosen.why)
        return None

    def _ids(self) -> Iterator[Column]:
        return (column for column in self._free() if column.is_id and column.filled > 0.5 and column.spaces < 3)

    def _named(self, role: names.Role) -> list[Column]:
        return [column for column in self._free() if self._nearness(column, role) >= names.NEAR]

    def _may_be_an_id(self, column: Column) -> bool:
        """Neither does its name say otherwise, nor are its values too few."""
        named = self.named[column.name]
        few = column.distinct <= min(_FEW, column.rows / 20)
        return not few and (named is None or named[0] in ("user", "item", "session"))

    def rating(self) -> None:
        if "rating" in self.told or self._has("event"):
            return
        for column in self._free():
            near = self._nearness(column, "rating")
            span = column.is_number and column.low >= -10 and column.high <= 100
            stars = span and 3 <= column.distinct <= 21 and column.low >= 0 and 1 < column.high <= 10
            if column.filled == 1 and ((near and span) or (stars and not self.named[column.name])):
                why = f"the name '{column.name}' says so; " if near else "few different small numbers; "
                self._take(
                    column.name, "rating", 0.9 * near if near else 0.6, f"{why}{column.low:g} to {column.high:g}"
                )
                return

    def weight(self) -> None:
        if "weight" in self.told or self._has("event"):
            return
        for column in self._free():
            near = self._nearness(column, "weight")
            if near and column.is_number and column.filled == 1 and 0 <= column.low < column.high:
                why = f"the name '{column.name}' says so; {column.low:g} to {column.high:g}"
                return self._take(column.name, "weight", 0.9 * near, why)

    def order(self) -> None:
        user, time = self._has("user"), self._has("timestamp")
        if "order" in self.told or not time:
            return
        for column in self._free():
            near = self._nearness(column, "order")
            if near and column.is_whole and column.filled == 1 and content.orders(self.frame, user, time, column.name):
                self._take(column.name, "order", 0.8, "whole numbers that rise among a user's events of one time")
                return

    def context(self) -> None:
        item, user = self._has("item"), self._has("user")
        for column in self._free():
            near = self._nearness(column, "context")
            words = not column.is_number and not column.unit and 2 <= column.distinct <= _FEW
            if not (words or (near and 2 <= column.distinct <= _FEW)) or self._nearness(column, "coarse"):
                continue
            owner = next(
                (name for name in (item, user) if name and content.follows(self.frame, name, column.name)), None
            )
            if owner is None:
                why = f"{column.distinct} different values that change from event to event"
                self._take(column.name, "context", 0.9 if near else 0.65, why)

    def left_out(self, column: Column) -> Guess:
        """Why a column without a role has none."""
        for role in ("item", "user"):
            owner = self._has(role)  # type: ignore[arg-type]
            if owner and column.distinct > 1 and content.follows(self.frame, owner, column.name):
                table = f"a table of {role}s (--{role}s) could say it"
                return Guess(column.name, "none", 1.0, f"the same for all events of one {role}: {table}")
        if column.distinct <= 1:
            return Guess(column.name, "none", 1.0, "one value throughout" if column.distinct else "empty throughout")
        if self._nearness(column, "amount") and column.is_number:
            return Guess(column.name, "none", 1.0, "if it says how much a row counts: example_gen.columns.weight")
        if self._nearness(column, "session"):
            return Guess(column.name, "none", 1.0, "a session within a user's history, which pauses show as well")
        return Guess(column.name, "none", 1.0, "nothing in the model takes it")


def _time_words(column: Column) -> str:
    """What a time column's values look like."""
    return {
        "": "numbers, though no times since 1990; taken as seconds",
        "typed": "a type of time in Parquet",
        "iso8601": "ISO 8601",
        "local": "dates in a form that the reader doesn't take",
    }.get(column.unit, f"{column.unit} since 1970")


def _listed(words: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"'{word[:30]}'" for word in words)
