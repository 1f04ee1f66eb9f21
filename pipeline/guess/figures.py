"""Figures of a log that knobs depend on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from pipeline.guess.columns import share
from pipeline.guess.survey import ITEM, TIE, TIME, USER

if TYPE_CHECKING:
    from pipeline.guess.survey import Survey

_SECOND, DAY = 1000, 86_400_000  # milliseconds
_RECENT: Final = 0.9  # quantile of time at which the last tenth of the events begins
SHORT: Final = 3  # events below which a user gives no label to validation and test
# Pauses are looked at on a logarithmic scale, from a second to 90 days.
_BINS: Final = np.linspace(0, np.log10(90 * 86_400), 49)
_LEAST_PAUSES: Final = 200
_LEAST_SIDE: Final = 0.03  # share of the pauses on each side of a session's end
_VALLEY: Final = 0.5  # how low the valley is between sessions' two kinds of pauses, of the lower peak
_SESSION: Final = (60.0, 86_400.0)  # seconds: a pause that ends a session lies in between
_NICE: Final = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1440)  # minutes


@dataclasses.dataclass(frozen=True)
class Figures:
    """Counts are scaled up from the sample where `sampled`; shares are of the sample.

    Without users, a session stands for one in all that is said of a user.

    Args:
        events: without exact duplicates.
        users, items: distinct ids.
        sampled: not every user was looked at.
        first, last: times, milliseconds.
        median, most: events a user, the half and nine tenths have at most.
        mean: events a user.
        short: share of users with fewer than SHORT events.
        repeats: share of events, after a user's first, on an item of the user's past.
        ties: share of events at the same time as the user's event before.
        duplicates: share of rows that are exact duplicates.
        session: minutes of pause that end a session; None: the pauses don't show any.
        sessions: of a user, on average; 0 without sessions.
        session_median: events of a session, half of them have at most; 0 without sessions.
        session_most: the same for nine tenths.
        turnover: share of the last tenth's events on items first seen in it.
        strangers: share of the users of the last tenth that were first seen in it.
        recent: when the last tenth begins, milliseconds.
    """

    events: int
    users: int
    items: int
    sampled: bool
    first: int
    last: int
    median: float
    most: float
    mean: float
    short: float
    repeats: float
    ties: float
    duplicates: float
    session: float | None
    sessions: float
    session_median: float
    session_most: float
    turnover: float
    strangers: float
    recent: int

    @property
    def days(self) -> float:
        """Span of time."""
        return (self.last - self.first) / DAY

    @property
    def recent_days(self) -> float:
        """How long the last tenth of the events took."""
        return (self.last - self.recent) / DAY


def measure(survey: Survey, *, streams: bool = False) -> Figures:
    """Measures what a survey kept.

    Args:
        survey: with at least one event.
        streams: its users are streams of anybody's events, which pauses cut into sessions.
    """
    rows = survey.events
    events = rows.unique(maintain_order=False).sort(USER, TIME, TIE)
    pauses = _pauses(events)
    session = session_end(pauses[pauses > 0] / _SECOND)
    sizes = _sizes(events, session) if session else np.zeros(1)
    if streams and session:
        events = events.with_columns(_sessions(session).cast(pl.UInt64).alias(USER))
    per_user = events.group_by(USER).agg(pl.len().alias("n"), pl.col(TIME).min().alias("first"))
    scale = 1 / survey.user_share
    recent = int(np.quantile(events[TIME].to_numpy(), _RECENT))
    seen_items = survey.item_events.group_by(ITEM).agg(pl.col(TIME).min().alias("first"))
    return Figures(
        events=round(events.height * scale),
        users=round(per_user.height * scale),
        items=round(seen_items.height / survey.item_share),
        sampled=survey.user_share < 1,
        first=_number(survey.item_events[TIME].min()),
        last=_number(survey.item_events[TIME].max()),
        median=float(np.quantile(per_user["n"].to_numpy(), 0.5)),
        most=float(np.quantile(per_user["n"].to_numpy(), 0.9)),
        mean=events.height / per_user.height,
        short=share(per_user["n"] < SHORT),
        repeats=_repeats(events),
        ties=float(np.mean(pauses == 0)) if len(pauses) else 0.0,
        duplicates=1 - events.height / rows.height,
        session=session,
        sessions=len(sizes) / per_user.height if session else 0.0,
        session_median=float(np.quantile(sizes, 0.5)),
        session_most=float(np.quantile(sizes, 0.9)),
        turnover=_turnover(survey.item_events, seen_items, recent),
        strangers=_strangers(events, per_user, recent),
        recent=recent,
    )


def session_end(pauses: np.ndarray) -> float | None:
    """The pause between the two kinds that sessions make: short ones within, long ones between.

    Kinds are parted where the histogram of the pauses' logarithms is lowest between two peaks.

    Args:
        pauses: [n] seconds, above 0.
    Returns: minutes, a round number; None where there is only one kind.
    """
    if len(pauses) < _LEAST_PAUSES:
        return None
    counts, _ = np.histogram(np.log10(np.clip(pauses, 1, 90 * 86_400)), _BINS)
    smooth = np.convolve(counts, np.ones(5, np.int64), mode="same")
    middles = 10 ** ((_BINS[1:] + _BINS[:-1]) / 2)
    best: tuple[float, int] | None = None
    for i in np.flatnonzero((middles >= _SESSION[0]) & (middles <= _SESSION[1])):
        peaks = min(smooth[:i].max(), smooth[i + 1 :].max())
        sides = min(counts[:i].sum(), counts[i + 1 :].sum()) / len(pauses)
        depth = smooth[i] / peaks if peaks else 1.0
        if sides >= _LEAST_SIDE and depth < _VALLEY and (best is None or depth < best[0]):
            best = depth, int(i)
    if best is None:
        return None
    low = high = best[1]
    while smooth[high + 1] == smooth[best[1]]:  # of an empty stretch its middle; peaks stand at both of its ends
        high += 1
    while smooth[low - 1] == smooth[best[1]]:
        low -= 1
    end = float(np.sqrt(middles[low] * middles[high])) / 60
    return float(min(_NICE, key=lambda nice: abs(np.log(nice / end))))


def _pauses(events: pl.DataFrame) -> np.ndarray:
    """[n] milliseconds between a user's event and the one before; `events` sorted by user and time."""
    same = events[USER].to_numpy()[1:] == events[USER].to_numpy()[:-1]
    return np.diff(events[TIME].to_numpy())[same]


def _sessions(minutes: float) -> pl.Expr:
    """The number of each event's session; the frame sorted by user and time."""
    new = (pl.col(USER) != pl.col(USER).shift(1)) | (pl.col(TIME).diff() > minutes * 60_000)
    return new.fill_null(True).cum_sum()


def _sizes(events: pl.DataFrame, minutes: float) -> np.ndarray:
    """[n] events of each session."""
    return events.group_by(_sessions(minutes).alias("session")).len()["len"].to_numpy()


def _repeats(events: pl.DataFrame) -> float:
    again = ~events.select(pl.struct(USER, ITEM).is_first_distinct()).to_series()
    later = events.select((pl.col(USER) == pl.col(USER).shift(1)).fill_null(False)).to_series()
    return int(again.sum()) / max(1, int(later.sum()))


def _turnover(item_events: pl.DataFrame, seen: pl.DataFrame, recent: int) -> float:
    late = item_events.filter(pl.col(TIME) > recent).join(seen, on=ITEM)
    return share(late["first"] > recent)


def _strangers(events: pl.DataFrame, per_user: pl.DataFrame, recent: int) -> float:
    late = events.filter(pl.col(TIME) > recent).select(USER).unique().join(per_user, on=USER)
    return share(late["first"] > recent)


def _number(value: object) -> int:
    return int(value) if isinstance(value, int) else 0
