"""What the columns of a table of items or users are: the id by its overlap with the log, the rest by their values."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import polars as pl

from pipeline.guess import columns as c
from pipeline.guess import layout, names
from pipeline.guess.document import Knob
from pipeline.guess.log import TIME_FORMATS, written
from pipeline.guess.roles import SURE, Guess
from schemas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.guess.columns import Column
    from pipeline.guess.layout import Layout

Kind = Literal["items", "users"]

_SEPARATORS: Final = ("|", ";", ",", "/")
_DEFAULT_SEPARATOR: Final = "|"
_KNOWN: Final = 0.5  # share of the log's ids that a table has, from which on its id is sure
_LEAST_KNOWN: Final = 0.02
_SAME: Final = 0.5  # distinct over values (parts of values): below it they say what things have in common
_TITLES: Final = ("title", "name", "headline", "itemname", "productname", "prodname", "movietitle", "tracktitle")
_PUBLISHED: Final = ("published", "publishedat", "publicationdate", "releasedate", "released", "pubdate", "createdat")
_PUBLISHED_WORDS: Final = ("publish", "release", "creat", "pub", "added", "launch", "available", "online", "since")
_IDS: Final = ("id", "code", "no", "key", "category", "type", "group", "class", "zip", "postcode")  # numbers that name


@dataclasses.dataclass(frozen=True)
class Table:
    """What is known of a table.

    Args:
        kind: of what.
        rows: looked at.
        columns: by name, in the file's order.
        guesses: one a column, with roles of TableOptions.columns.
        known: share of the log's sampled ids that it has.
        knobs: its section of the configuration.
        unsure: sentences.
    """

    kind: Kind
    rows: int
    columns: Mapping[str, Column]
    guesses: tuple[Guess, ...]
    known: float
    knobs: tuple[Knob, ...]
    unsure: tuple[str, ...]


def look(kind: Kind, name: str, ids: np.ndarray, hashes: Callable[[pl.Series], np.ndarray]) -> Table:
    """Examines a table.

    Args:
        kind: of what it has a row each.
        name: its file.
        ids: [n] uint64, hashes of the log's ids of that kind.
        hashes: text [n] -> [n] uint64, as `ids` were made.
    Raises: DataError: it can't be read, or no column has the log's ids.
    """
    written_as, frame = layout.read(name)
    found = {column: c.look(column, frame[column], written_as.decimal) for column in frame.columns}
    overlaps = {column: float(np.isin(ids, hashes(c.as_text(frame[column]))).mean()) for column in found}
    role: names.Role = "item" if kind == "items" else "user"
    key = max(overlaps, key=lambda column: (round(overlaps[column], 2), names.near(column, role)))  # not a row's number
    if overlaps[key] < _LEAST_KNOWN:
        raise DataError(
            f"no column has the {kind} of the log.",
            where=name,
            why=f"the nearest is '{key}', with {overlaps[key]:.1%} of them.",
            next_step=f"leave --{kind} out, or write the ids as the log has them.",
        )
    whole = "" if frame.height < layout.HEAD_ROWS else " looked at"
    why = f"it has {overlaps[key]:.0%} of the log's {kind}{whole}"
    guesses = {key: Guess(key, "id", 0.95 if overlaps[key] >= _KNOWN else 0.6, why)}  # type: ignore[arg-type]
    separator = _separator(frame, found, guesses)
    for column in found.values():
        if column.name not in guesses:
            guesses[column.name] = _guess(kind, column, frame[column.name], separator, guesses)
    ordered = tuple(guesses[column] for column in found)
    knobs = tuple(_knobs(kind, name, written_as, ordered, found, separator))
    return Table(kind, frame.height, found, ordered, overlaps[key], knobs, tuple(_unsure(kind, ordered, overlaps[key])))


def _separator(frame: pl.DataFrame, found: Mapping[str, Column], taken: Mapping[str, Guess]) -> str:
    """What parts several values in one cell: the sign under which columns of text fall into few different parts."""
    best = (0.0, _DEFAULT_SEPARATOR)
    for sign in _SEPARATORS:
        for column in found.values():
            if column.name in taken or column.is_number or column.unit:
                continue
            values = c.as_text(frame[column.name])
            share = c.share(values.str.contains(sign, literal=True))
            if share > best[0] and _common(values, sign) < 0.1 and not _has_sentences(values, sign):
                best = (share, sign)
    return best[1]


def _common(values: pl.Series, sign: str) -> float:
    """Distinct parts over parts: small where values have much in common."""
    parts = values.filter(values.str.len_bytes() > 0).str.split(sign).explode()
    return parts.n_unique() / len(parts) if len(parts) else 1.0


def _has_sentences(values: pl.Series, sign: str) -> bool:
    """A comma with a space behind it is mostly prose's."""
    return sign in ",;" and c.share(values.str.contains(sign + " ", literal=True)) > 0.2


def _guess(kind: Kind, column: Column, values: pl.Series, separator: str, taken: Mapping[str, Guess]) -> Guess:
    """The role of one column that is not the id."""
    if column.distinct < 2:
        return Guess(column.name, "none", 1.0, "one value throughout" if column.distinct else "empty throughout")
    if kind == "items":
        special = _title(column, taken) or _published(column, taken)
        if special:
            return special
    common = 1.0 if column.is_number and not column.is_whole else _common(c.as_text(values), separator)
    names_things = column.zeros or names.plain(column.name).endswith(_IDS) or values.dtype == pl.Boolean
    if column.is_number and not names_things:
        return _number(kind, column)
    if common < _SAME and (column.spaces < 3 or column.distinct < 50):
        why = f"{column.distinct:,} different in {column.rows:,} rows"
        return Guess(column.name, "categories", 0.9 if common < 0.1 else 0.7, why)  # type: ignore[arg-type]
    if kind == "items" and column.spaces >= 1 and not column.is_number:
        return Guess(column.name, "text", 0.8, f"{column.spaces + 1:.0f} words a value")  # type: ignore[arg-type]
    return Guess(column.name, "none", 1.0, "nearly every row has another value")


def _number(kind: Kind, column: Column) -> Guess:
    if kind == "users":
        return Guess(column.name, "none", 1.0, "a number; of users the model takes categories alone")
    missing = f"; {1 - column.filled:.0%} of the rows have none" if column.missing else ""
    return Guess(column.name, "numbers", 0.9, f"{column.low:g} to {column.high:g}{missing}")  # type: ignore[arg-type]


def _title(column: Column, taken: Mapping[str, Guess]) -> Guess | None:
    if any(guess.role == "title" for guess in taken.values()) or column.is_number or column.unit:
        return None
    if names.plain(column.name) in _TITLES:
        return Guess(column.name, "title", 0.95, f"the name '{column.name}' says so")  # type: ignore[arg-type]
    return None


def _published(column: Column, taken: Mapping[str, Guess]) -> Guess | None:
    if not column.unit or any(guess.role == "published" for guess in taken.values()):
        return None
    key = names.plain(column.name)
    near = key in _PUBLISHED or any(word in key for word in _PUBLISHED_WORDS)
    if column.unit not in TIME_FORMATS:
        return Guess(column.name, "none", 1.0, f"times in {column.unit} form, which the reader doesn't take")
    if near or column.unit != "seconds" or names.role(column.name) == ("time", 1.0):
        why = f"times ({column.unit})" + (f", and the name '{column.name}' says so" if near else "")
        return Guess(column.name, "published", 0.95 if near else 0.65, why)  # type: ignore[arg-type]
    return None


def _knobs(
    kind: Kind, name: str, written_as: Layout, guesses: tuple[Guess, ...], found: Mapping[str, Column], separator: str
):
    """The section `items` or `users`."""
    yield Knob((kind, "data"), [name])
    by_role = {role: [guess.column for guess in guesses if guess.role == role] for role in _ROLES}
    columns: dict[str, object] = {role: by_role[role][0] for role in ("id", "title", "published") if by_role[role]}
    if by_role["title"] and _says_something(found[by_role["title"][0]]):
        by_role["text"].insert(0, by_role["title"][0])
    columns.update({role: by_role[role] for role in ("categories", "numbers", "text") if by_role[role]})
    yield Knob((kind, "columns"), columns)
    published = [found[column] for column in by_role["published"]]
    yield from written(kind, written_as, list(found), published[0].unit if published else "")
    if by_role["categories"] and separator != _DEFAULT_SEPARATOR:
        yield Knob((kind, "separator"), separator, "between several values in one cell")


_ROLES: Final = ("id", "title", "published", "categories", "numbers", "text")


def _says_something(title: Column) -> bool:
    """Whether a title has words enough for the model to learn from."""
    return title.spaces >= 1


def _unsure(kind: Kind, guesses: tuple[Guess, ...], known: float):
    if known < 0.9:
        yield f"{1 - known:.0%} of the log's {kind} looked for are not in the table; they get no features."
    for guess in guesses:
        if guess.role != "none" and guess.confidence < SURE:
            yield f"'{guess.column}' as {kind}.columns.{guess.role}: {guess.why}. If that's wrong: {kind}.columns"
