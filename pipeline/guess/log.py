"""A log's files, their layout and the roles of their columns, as the configuration's section `example_gen`."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from typing import TYPE_CHECKING, Final

from pipeline.guess import columns as c
from pipeline.guess import layout, names, roles
from pipeline.guess.document import Knob
from schemas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from pipeline.guess.columns import Column
    from pipeline.guess.layout import Layout
    from pipeline.guess.roles import Role, Roles

# How the reader calls a unit; None: the file's type says it.
TIME_FORMATS: Final = {
    "": "seconds",
    "seconds": "seconds",
    "milliseconds": "milliseconds",
    "iso8601": "iso8601",
    "typed": None,
}
_NEEDED: Final[tuple[Role, ...]] = ("item", "timestamp")
_OTHER_WEIGHT: Final = 1.0  # of an event whose meaning isn't known

# Names of files that say nothing of what is in them; their folder's does.
_PLAIN: Final = (
    "interactions",
    "events",
    "ratings",
    "log",
    "logs",
    "data",
    "train",
    "part",
    "reviews",
    "clicks",
    "all",
)


@dataclasses.dataclass(frozen=True)
class Log:
    """A log's first file, looked at.

    Args:
        file: its name.
        layout, frame: how it is written, and its first rows.
        columns: by name, in the file's order.
        roles: what they are taken for.
    """

    file: str
    layout: Layout
    frame: pl.DataFrame
    columns: Mapping[str, Column]
    roles: Roles

    def told(self, known: Mapping[Role, str | None]) -> Log:
        """The same with roles that somebody has said.

        Raises: DataError: the file has no such column.
        """
        for role, column in known.items():
            if column is not None and column not in self.columns:
                raise DataError(
                    f"there is no column '{column}' to be the {role}.",
                    where=self.file,
                    why=f"the columns are {', '.join(map(repr, self.columns))}.",
                    next_step="name one of them.",
                )
        return dataclasses.replace(self, roles=roles.guess(self.columns, self.frame, known))

    def missing(self) -> tuple[Role, ...]:
        """Roles that no column has, and without which nothing can be recommended."""
        return tuple(role for role in _NEEDED if self.roles.column(role) is None)


def name_of(file: str) -> str:
    """A pipeline's name, from a file's or its folder's."""
    path = pathlib.PurePath(file)
    stem = re.sub(r"[*?].*$", "", path.name.split(".")[0]).rstrip("-_0123456789")
    plain = stem.lower() in ("", *_PLAIN) and path.parent.name not in ("", "/", "data")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", path.parent.name if plain else stem).strip("-_.")[:40].lower() or "mine"


def look(file: str) -> Log:
    """Examines a log's file. Raises: DataError: it can't be read, or has only one column."""
    written_as, frame = layout.read(file)
    if frame.height == 0:
        raise DataError("there is a header, and no row.", where=file, next_step="give a file with interactions.")
    if frame.width < 2:
        raise DataError(
            "there is only one column.",
            where=file,
            why=f"it is '{frame.columns[0]}'; a comma, semicolon, tab or | between columns was looked for.",
            next_step="give a log with at least an item and a time in each row.",
        )
    found = {name: c.look(name, frame[name], written_as.decimal) for name in frame.columns}
    return Log(file, written_as, frame, found, roles.guess(found, frame, {}))


def check_time(log: Log) -> None:
    """Raises: DataError: the time column is in a form that the reader doesn't take, with a way to change that."""
    name = log.roles.column("timestamp")
    column = log.columns[name] if name else None
    if column is None or column.unit in TIME_FORMATS:
        return
    many = "these dates" if column.unit == "local" else column.unit
    how = f'pl.from_epoch("{name}", "us")' if column.unit == "microseconds" else f'pl.from_epoch("{name}", "ns")'
    how = f'pl.col("{name}").str.to_datetime("%d.%m.%Y %H:%M")' if column.unit == "local" else how
    read = "scan_parquet" if log.layout.parquet else "scan_csv"
    raise DataError(
        f"column '{name}' holds {many}; the reader takes seconds, milliseconds, ISO 8601 and Parquet's own times.",
        where=log.file,
        why=f"it has {', '.join(column.examples)}.",
        next_step=f"write it as Parquet with a time in it: pl.{read}(FILE).with_columns({how}).sink_parquet(NEW).",
    )


def reading(data: Sequence[str], log: Log) -> Iterator[Knob]:
    """The section `example_gen`, but for event weights."""
    yield Knob(("example_gen", "data"), list(data))
    for role in ("user", "item", "timestamp", "rating", "weight", "order", "event"):
        guess = log.roles.of(role)  # type: ignore[arg-type]
        if guess:
            yield Knob(("example_gen", "columns", role), guess.column, _remark(guess))
        elif role == "user":
            why = "no column says who: each file is one stream of events"
            yield Knob(("example_gen", "columns", "user"), None, why)
    context = (*log.roles.all("event"), *log.roles.all("context"))
    if context:
        yield Knob(("example_gen", "columns", "context"), list(context), "the model sees them beside each event")
    time = log.roles.column("timestamp")
    yield from written("example_gen", log.layout, list(log.columns), log.columns[time].unit if time else "")


def written(section: str, written_as: Layout, column_names: Sequence[str], unit: str) -> Iterator[Knob]:
    """Knobs that say how a file is written, where it is not as the defaults have it; users have no times or numbers."""
    time_format = TIME_FORMATS.get(unit, "seconds")
    if time_format not in ("seconds", None) and section != "users":
        yield Knob((section, "time_format"), time_format)
    if written_as.parquet:
        return
    if written_as.delimiter != ",":
        yield Knob((section, "delimiter"), written_as.delimiter)
    if written_as.quote != '"':
        yield Knob((section, "quote"), written_as.quote, "" if written_as.quote else "quotes mean nothing in it")
    if written_as.decimal != "." and section != "users":
        yield Knob((section, "decimal"), written_as.decimal)
    if not written_as.header:
        yield Knob((section, "column_names"), list(column_names), "there is no header line: say what they are")


def event_weights(words: Mapping[str, int]) -> tuple[Knob, list[str]]:
    """What each event counts, by its usual meaning.

    Args:
        words: rows by value of the event column.
    Returns: the knob, and the words whose meaning isn't known.
    """
    weights = {word: names.event_weight(word) for word in sorted(words, key=lambda word: -words[word]) if word}
    unknown = [word for word, weight in weights.items() if weight is None]
    chosen = {word: _OTHER_WEIGHT if weight is None else weight for word, weight in weights.items()}
    why = "how much each counts in the loss; other words are set aside"
    return Knob(("example_gen", "event_weights"), chosen, why), unknown


def _remark(guess: roles.Guess) -> str:
    return "" if guess.confidence >= roles.SURE else f"not sure: {guess.why}"
