"""Columns of text or numbers as int64, float and milliseconds; what can't be is marked, never raised."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.options import Decimal, TimeFormat

LAST_TIME = 253_402_300_799_999  # ms, the end of the year 9999
_DAY = 86_400_000
# Date; hours; minutes; seconds; fraction; zone. Groups beyond the date may be missing.
_ISO = (
    r"^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r" ?([Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_PIECE = 1 << 12  # rows that one time of a rare form among them makes slow


def integers(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers.

    Args:
        column: [n] strings, integers or floats.
    Returns: [n] int64, 0 where it isn't one; [n] bool, whether it is one.
    """
    if _is_text(column):
        whole = _whole(column)
        if whole is not None:
            return whole, np.ones(len(whole), bool)
        parsed = pl.Series(column).str.strip_chars().cast(pl.Int64, strict=False)
        return parsed.fill_null(0).to_numpy(), parsed.is_not_null().to_numpy()
    if pa.types.is_integer(column.type):
        return column.fill_null(0).cast(pa.int64(), safe=False).to_numpy(zero_copy_only=False), _fits(column)
    values, is_number = floats(column)
    exact = is_number & (np.abs(values) < 2.0**63) & (values == np.floor(values))
    return np.where(exact, values, 0.0).astype(np.int64), exact


def _fits(column: pa.Array) -> np.ndarray:
    valid = _not_null(column)
    if not pa.types.is_uint64(column.type):
        return valid
    return valid & (column.fill_null(0).to_numpy(zero_copy_only=False) <= np.uint64(2**63 - 1))


def _whole(column: pa.Array) -> np.ndarray | None:
    """The quick way, which takes the whole column or nothing."""
    try:
        return column.cast(pa.int64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def floats(column: pa.Array, decimal: Decimal = ".") -> tuple[np.ndarray, np.ndarray]:
    """Finite numbers.

    Args:
        column: [n] strings, integers or floats.
        decimal: what stands before the fraction in strings; with a comma, a number with a point is none, since it
            could mean thousands.
    Returns: [n] float64, 0 where it isn't one; [n] bool, whether it is one.
    """
    if _is_text(column):
        texts = pl.Series(column).str.strip_chars()
        if decimal == ",":
            texts = texts.str.replace_all(".", "?", literal=True).str.replace(",", ".", literal=True)
        values = texts.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    else:
        values = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)
    finite = np.isfinite(values)
    return np.where(finite, values, 0.0), finite


def milliseconds(column: pa.Array, time_format: TimeFormat, decimal: Decimal = ".") -> tuple[np.ndarray, np.ndarray]:
    """Times as milliseconds since 1970-01-01 UTC, not yet held against a range.

    Args:
        column: [n] strings or numbers, in `time_format`; or a timestamp or date type, which says its unit itself.
        decimal: as for `floats`; ISO 8601 knows both.
    Returns: [n] int64, rounded to the nearest, 0 where it isn't a time; [n] bool, whether it is a time.
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        exact = column.cast(pa.timestamp("ms", getattr(column.type, "tz", None)), safe=False).cast(pa.int64())
        return exact.fill_null(0).to_numpy(zero_copy_only=False), _not_null(column)
    if time_format == "iso8601":
        return _iso8601(column.cast(pa.string()))
    scale = 1000 if time_format == "seconds" else 1
    values, is_whole = integers(column)
    small = (values >= -LAST_TIME) & (values <= LAST_TIME)  # past that the product could overflow
    values = np.where(small, values * scale, np.sign(values) * (LAST_TIME + 1))
    if is_whole.all():
        return values, is_whole
    fraction, is_number = floats(column, decimal)
    scaled = np.clip(np.rint(fraction * scale), -LAST_TIME - 1, LAST_TIME + 1).astype(np.int64)
    return np.where(is_whole, values, scaled), is_number


def _iso8601(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    pieces = [column[start : start + _PIECE] for start in range(0, len(column), _PIECE)]
    parsed = [_usual_iso8601(piece) or _any_iso8601(piece) for piece in pieces]
    if not parsed:
        return np.empty(0, np.int64), np.empty(0, bool)
    return np.concatenate([values for values, _ in parsed]), np.concatenate([is_time for _, is_time in parsed])


def _usual_iso8601(column: pa.Array) -> tuple[np.ndarray, np.ndarray] | None:
    """The quick way, an order of magnitude faster: all rows have a zone or none has, at most microseconds; or None."""
    for zone in ("UTC", None):
        try:
            micros = column.cast(pa.timestamp("us", zone)).cast(pa.int64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        return (micros.fill_null(0).to_numpy(zero_copy_only=False) + 500) // 1000, _not_null(column)
    return None


def _any_iso8601(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    parts = pl.Series(column).str.strip_chars().str.extract_groups(_ISO).struct.unnest()
    names = ("date", "hour", "minute", "second", "fraction", "zone")
    parts = parts.rename(dict(zip(parts.columns, names, strict=True)))
    day = parts["date"].str.to_date("%Y-%m-%d", strict=False)
    hour, minute, second = (_number(parts[name]) for name in names[1:4])
    fraction = _number(parts["fraction"].str.pad_end(9, "0").str.slice(0, 9))
    zone = parts["zone"].str.replace_all("[:Zz]", "")
    zone_minutes = _number(zone.str.slice(1, 2)) * 60 + _number(zone.str.slice(3, 2))
    zone_minutes = np.where((zone.str.slice(0, 1) == "-").fill_null(False).to_numpy(), -zone_minutes, zone_minutes)
    is_time = day.is_not_null().to_numpy() & (hour < 24) & (minute < 60) & (second < 61) & (np.abs(zone_minutes) < 1440)
    days = day.cast(pl.Int64).fill_null(0).to_numpy()
    clock = ((hour * 60 + minute - zone_minutes) * 60 + second) * 1000 + (fraction + 500_000) // 1_000_000
    return np.where(is_time, days * _DAY + clock, 0), is_time


def _number(digits: pl.Series) -> np.ndarray:
    return digits.cast(pl.Int64, strict=False).fill_null(0).to_numpy()


def _is_text(column: pa.Array) -> bool:
    return pa.types.is_string(column.type) or pa.types.is_large_string(column.type)


def _not_null(column: pa.Array) -> np.ndarray:
    return pc.is_valid(column).to_numpy(zero_copy_only=False)
