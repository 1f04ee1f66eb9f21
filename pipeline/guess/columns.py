"""What can be said of one column by its values alone."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import polars as pl

from components.example_gen import parse

_WORDS: Final = 50  # distinct values of a column that are kept
_EXAMPLES: Final = 3
_SURE: Final = 0.98  # share of values of one form that makes a column of it; the rest are faults
_YEARS: Final = (631_152_000, 4_102_444_800)  # seconds: 1990 to 2100, what a log's times lie in
_UNITS: Final = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
# Dates as people write them, which the reader doesn't take: 3/11/2026, 11.03.2026 12:00, Nov 3 2026, 20261103.
_LOCAL = (
    r"^\s*(\d{1,2}[./-](\d{1,2}|[A-Za-z]{3})[./-]\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}"
    r"|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2} [A-Za-z]{3} \d{4})"
)


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a file's first rows.

    Args:
        name: as the file has it.
        rows, missing, distinct: counts.
        examples: its first different values.
        words: its most frequent values with their counts, all of them where there are at most 50.
        number, whole: share of the values that are numbers, and whole numbers.
        low, high: of the numbers; 0 where there are none.
        zeros: some value has a leading zero, so it is text even where it looks like a number.
        letters: mean number of characters.
        spaces: mean number of spaces.
        rising: share of rows that are no less than the row before (as numbers or as text).
        blocks: distinct values over runs of one value: 1 where equal values all stand side by side.
        unit: a time's: seconds, milliseconds, iso8601, typed (Parquet), and what the reader doesn't take:
            microseconds, nanoseconds, local. "": no time.
    """

    name: str
    rows: int
    missing: int
    distinct: int
    examples: tuple[str, ...]
    words: dict[str, int]
    number: float
    whole: float
    low: float
    high: float
    zeros: bool
    letters: float
    spaces: float
    rising: float
    blocks: float
    unit: str

    @property
    def filled(self) -> float:
        """Share of rows with a value."""
        return 1 - self.missing / max(1, self.rows)

    @property
    def unique(self) -> float:
        """Distinct values over values."""
        return self.distinct / max(1, self.rows - self.missing)

    @property
    def is_number(self) -> bool:
        return self.number >= _SURE

    @property
    def is_whole(self) -> bool:
        return self.whole >= _SURE

    @property
    def is_id(self) -> bool:
        """Text, or whole numbers: what the reader takes for an id."""
        return self.distinct > 0 and (self.is_whole or not self.is_number)


def look(name: str, values: pl.Series, decimal: str = ".") -> Column:
    """Examines one column.

    Args:
        name: of the column.
        values: text, or a type of Parquet's.
        decimal: the sign before a fraction, in text.
    """
    text = as_text(values)
    filled = text.filter(text.str.len_bytes() > 0) if len(text) else text
    numbers = as_numbers(filled, decimal)
    known = numbers.drop_nulls()
    counts = filled.value_counts(sort=True)
    whole = known.filter(known == known.floor())
    runs = 1 + int((text != text.shift(1)).sum()) if len(text) else 1
    n = max(1, len(filled))
    return Column(
        name=name,
        rows=len(values),
        missing=len(values) - len(filled),
        distinct=counts.height,
        examples=tuple(filled.unique(maintain_order=True).head(_EXAMPLES)),
        words=dict(counts.head(_WORDS).iter_rows()),
        number=len(known) / n if len(filled) else 0.0,
        whole=len(whole) / n if len(filled) else 0.0,
        low=_least(known.min()),
        high=_least(known.max()),
        zeros=bool(filled.str.contains(r"^0\d").any()),
        letters=_least(filled.str.len_chars().mean()),
        spaces=_least(filled.str.count_matches(" ").mean()),
        rising=_rising(numbers if len(known) == len(filled) else filled),
        blocks=counts.height / runs,
        unit=_unit(values, filled, known),
    )


def as_text(values: pl.Series) -> pl.Series:
    """A column as strings, nulls as empty ones; bytes that aren't text in hex, nested values as empty strings."""
    if values.dtype.is_nested():
        return pl.Series(values.name, [""]).new_from_index(0, len(values)) if len(values) else values.cast(pl.String)
    if values.dtype == pl.Binary:
        try:
            return values.cast(pl.String).fill_null("")
        except pl.exceptions.ComputeError:  # not UTF-8 throughout, and Polars has no way to pass over a byte
            return values.bin.encode("hex").fill_null("")
    return values.cast(pl.String).fill_null("")


def as_numbers(text: pl.Series, decimal: str = ".") -> pl.Series:
    """Text as Float64, null where it is no finite number."""
    plain = text.str.strip_chars()
    plain = plain.str.replace(",", ".", literal=True) if decimal == "," else plain
    numbers = plain.cast(pl.Float64, strict=False)
    return numbers.set(~numbers.is_finite().fill_null(False), None)


def _least(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def share(mask: pl.Series) -> float:
    """Share of true values among those that are known; 0 where none is."""
    known = mask.drop_nulls()
    return float(np.mean(known.to_numpy())) if len(known) else 0.0


def _rising(values: pl.Series) -> float:
    values = values.drop_nulls()
    return share(values >= values.shift(1))


def _unit(values: pl.Series, filled: pl.Series, known: pl.Series) -> str:
    if values.dtype in (pl.Date, pl.Datetime):
        return "typed"
    if not len(filled):
        return ""
    if len(known) >= _SURE * len(filled):
        return _epoch(known)
    sample = filled.head(10_000)
    _, is_time = parse.milliseconds(sample.to_arrow(), "iso8601")
    if np.mean(is_time) >= _SURE:
        return "iso8601"
    return "local" if share(sample.str.contains(_LOCAL)) >= _SURE else ""


def _epoch(numbers: pl.Series) -> str:
    """The unit in which nearly all of the numbers are times of the years 1990 to 2100."""
    for unit, scale in _UNITS.items():
        low, high = _YEARS[0] * scale, _YEARS[1] * scale
        if share((numbers >= low) & (numbers <= high)) >= _SURE:
            return unit
    # 20261103: a date in digits.
    dates = numbers.is_between(19_900_101, 20_991_231) & (numbers % 100).is_between(1, 31)
    return "local" if (dates & (numbers // 100 % 100).is_between(1, 12)).all() else ""
