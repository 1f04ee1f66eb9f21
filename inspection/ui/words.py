"""Values as a page says them. Escaping is the templates' part."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inspection.results import Metric

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")


def took(seconds: float | None) -> str:
    """Seconds below a minute, then hours, minutes and seconds."""
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 60 else str(datetime.timedelta(seconds=round(seconds)))


def time(moment: datetime.datetime) -> str:
    """To the second, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4f}"


def interval(metric: Metric | None) -> str:
    """The 95 % interval alone."""
    return "" if metric is None or metric.low is None else f"{metric.low:.4f} to {metric.high:.4f}"


def count(value: Any) -> str:
    """A whole number with commas; anything else as it is."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else plain(value)


def size(number: int) -> str:
    """Bytes in the unit that leaves at most three digits before the point."""
    value, unit = float(number), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.{0 if unit == 0 else 1}f} {_UNITS[unit]}"


def plain(value: Any) -> str:
    """As JSON where it has parts or is true or false; text as it stands."""
    if value is None:
        return "(not there)"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def kind(name: str) -> str:
    """An artifact's type without our prefix."""
    return name.removeprefix("seqrank.")


FILTERS: Final[Mapping[str, Callable[..., str]]] = {
    each.__name__: each for each in (took, time, figure, signed, interval, count, size, plain, kind)
}
