"""What a section is made of. Texts are plain: the templates escape them, whatever they hold."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inspection.report.graph import Drawing
    from inspection.report.people import Person

Mood = Literal["", "good", "bad", "note"]


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A sentence or two.

    Args:
        text: plain.
        mood: how it is set off: good, bad, or a note on what is missing.
    """

    text: str
    mood: Mood = ""


@dataclasses.dataclass(frozen=True)
class Heading:
    """Begins a part of a section."""

    text: str


@dataclasses.dataclass(frozen=True)
class Tile:
    """A figure at a glance: what it is, its value, and what to know of it."""

    label: str
    value: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Tiles:
    """Figures beside each other."""

    tiles: tuple[Tile, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Args:
        caption: what it is about.
        columns: their heads; the first column's cells are heads of their rows.
        rows: texts.
        folded: shown only when asked for.
        words: numbers of the columns that hold words, the first apart; the others are set right.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False
    words: frozenset[int] = frozenset()


@dataclasses.dataclass(frozen=True)
class Chart:
    """A plot, and the same in a table for who can't see it.

    Args:
        title: what it shows.
        about: a sentence on what is to be seen in it.
        figure: Plotly's data and layout, as inspection.report.charts makes them.
        table: its figures.
    """

    title: str
    about: str
    figure: Mapping[str, Any]
    table: Table


@dataclasses.dataclass(frozen=True)
class Graph:
    """The stages as boxes with arrows; the table beside it says the same."""

    title: str
    about: str
    drawing: Drawing


@dataclasses.dataclass(frozen=True)
class People:
    """Users, what they did, what they are recommended, and what they did next."""

    people: tuple[Person, ...]


Block = Paragraph | Heading | Tiles | Table | Chart | Graph | People
