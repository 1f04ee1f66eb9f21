"""Figures and times as a person reads them."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from inspection.results import Metric

NONE: Final = "-"
_STAY: Final = "\N{NO-BREAK SPACE}"
_SHORT: Final = 300  # characters of a value


def number(value: Any, digits: int = 4) -> str:
    """Whole numbers with commas, others to so many digits behind the point; a dash for what isn't there."""
    if value is None:
        return NONE
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if not math.isfinite(value):
        return NONE
    if isinstance(value, int) or (value.is_integer() and abs(value) >= 10):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """As per cent."""
    return NONE if value is None or not math.isfinite(value) else f"{value:.2%}" if 0 < value < 0.1 else f"{value:.1%}"


def interval(metric: Metric | None) -> str:
    """A figure and its interval."""
    if metric is None:
        return NONE
    low, high = metric.low, metric.high
    return number(metric.value) + ("" if low is None or high is None else f" ({between(low, high)})")


def between(low: float, high: float, form: str = ".4f") -> str:
    """Bounds of an interval, which stay on one line."""
    return f"{low:{form}}{_STAY}to{_STAY}{high:{form}}"


def took(seconds: float) -> str:
    """A span of time."""
    if seconds < 60:
        return f"{seconds:.1f}{_STAY}s"
    minutes, rest = divmod(round(seconds), 60)
    told = (minutes, "min", f"{rest:02d}", "s") if minutes < 60 else (minutes // 60, "h", f"{minutes % 60:02d}", "min")
    return _STAY.join(map(str, told))


def moment(milliseconds: int | None) -> str:
    """A time of an event, to the minute, in UTC."""
    if milliseconds is None:
        return NONE
    try:
        when = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds} ms"
    return f"{when:%Y-%m-%d %H:%M}"


def several(count: int, one: str, more: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def value(found: Any) -> str:
    """A knob's value, cut where it is long."""
    text = "none" if found is None else str(found)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
