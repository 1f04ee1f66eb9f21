"""Data by span: which part of a log, such as a day's, a file's name says it is.

A pattern holds `{SPAN}`, a whole number of any digits, or `{YYYY}`, `{MM}` and `{DD}`, whose span is the number of days
since 1970-01-01, as TFX counts them.
"""

from __future__ import annotations

import datetime
import functools
import re
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SPAN: Final = "SPAN"
DATE: Final = ("YYYY", "MM", "DD")
_ANY: Final = re.compile(r"\{([A-Z][A-Z0-9_:]*)\}")  # what is written like one; other braces belong to a name
_DIGITS: Final = {SPAN: r"\d+", "YYYY": r"\d{4}", "MM": r"\d\d", "DD": r"\d\d"}
_MARKS: Final = {name: chr(0xE000 + place) for place, name in enumerate(_DIGITS)}  # private use: in no file's name
_EPOCH: Final = datetime.date(1970, 1, 1)


class Spans(BaseModel):
    """How many spans are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: Annotated[
        Annotated[int, Field(ge=1)] | Literal["all"],
        Field(
            description="the newest so many spans that there are, all of their files; missing numbers in between don't "
            "count. all: each there is. What comes before is forgotten, in histories and item counts alike"
        ),
    ] = 1


def by_span(pattern: str) -> bool:
    """Whether a pattern says where a file's span stands."""
    return any(name in _DIGITS for name in _ANY.findall(pattern))


def problem(patterns: Iterable[str], wanted: bool) -> str | None:
    """What is wrong with patterns, in words; None: nothing.

    Args:
        patterns: files or globs.
        wanted: whether data by span are configured.
    """
    for pattern in patterns:
        names = set(_ANY.findall(pattern))
        unknown = sorted(names - set(_DIGITS))
        if unknown:
            return f"'{pattern}': there is no {{{unknown[0]}}}; there are {{SPAN}}, or {{YYYY}}, {{MM}} and {{DD}}"
        if names and names != {SPAN} and names != set(DATE):
            return f"'{pattern}': it takes {{SPAN}} alone, or {{YYYY}}, {{MM}} and {{DD}}, all three"
        if names and not wanted:
            return f"'{pattern}' is by span: say how many of them are read, such as example_gen.spans: {{window: 7}}"
        if wanted and not names:
            return f"'{pattern}' says no span: with example_gen.spans each of data holds {{SPAN}}, or a date"
    return None


def as_glob(pattern: str) -> str:
    """The pattern with a * where a span stands."""
    return _ANY.sub("*", pattern)


def number(pattern: str, name: str) -> int | None:
    """The span of a file that `as_glob(pattern)` matches; None: what stands there is no number.

    A number ends where its digits end: in `data-{SPAN}*` data-12.csv is of span 12.

    Raises: ValueError: what stands there is no date.
    """
    found = _expression(pattern).match(name)
    if found is None:
        return None
    if SPAN in found.groupdict():
        return int(found[SPAN])
    return (datetime.date(*(int(found[part]) for part in DATE)) - _EPOCH).days


@functools.cache
def _expression(pattern: str) -> re.Pattern[str]:
    """As Beam's file systems read a glob, with a group for each placeholder; twice the same one is the same value."""
    from apache_beam.io.filesystem import FileSystem

    marked = _ANY.sub(lambda found: _MARKS[found[1]], pattern)
    expression = FileSystem.translate_pattern(marked)
    for name, mark in _MARKS.items():
        group = rf"(?<!\d)(?P<{name}>{_DIGITS[name]})(?!\d)" if name == SPAN else f"(?P<{name}>{_DIGITS[name]})"
        first, *others = expression.split(mark)
        if others:
            expression = first + group + f"(?P={name})".join(others)
    return re.compile(expression)


def newest(found: Iterable[int], window: int | Literal["all"]) -> list[int]:
    """The newest spans, ascending."""
    spans = sorted(set(found))
    return spans if window == "all" else spans[-window:]


def shown(spans: Sequence[int]) -> str:
    """Ascending spans for people: 1, 3-5."""
    runs: list[list[int]] = []
    for span in spans:
        if runs and span == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], span]
        else:
            runs.append([span])
    return ", ".join("-".join(map(str, run)) for run in runs)
