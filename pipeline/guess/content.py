"""Users and items by their values alone, where no name says which is which."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import polars as pl

from pipeline.guess import columns as c

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.guess.columns import Column

_ROW_IDS: Final = 0.95  # distinct over values: from here on a column numbers rows
_FOLLOWS: Final = 0.99  # share of values with one partner, from which on they determine it
_BURSTS: Final = 0.5  # median over mean pause below which events of one value come close together; by chance 0.7
_LEAST: Final = 3  # events of a value from which on its pauses say anything
_BESIDE: Final = 0.6  # blocks: equal values stand side by side, as in a file sorted by user


@dataclasses.dataclass(frozen=True)
class Choice:
    """A column, how sure that is, and why."""

    column: str
    confidence: float
    why: str


def user(candidates: Sequence[Column], frame: pl.DataFrame, time: str | None) -> Choice | None:
    """The column whose values come as people do: in bursts, or side by side in a file sorted by them."""
    usable = [column for column in candidates if column.unique < _ROW_IDS and column.distinct > 1]
    if not usable:
        return None
    pauses = {column.name: burst(frame, column.name, time) if time else 1.0 for column in usable}
    scores = {
        column.name: (1 - pauses[column.name]) + (column.blocks >= _BESIDE) + 0.1 * (i == 0)
        for i, column in enumerate(usable)
    }
    ranked = sorted(usable, key=lambda column: -scores[column.name])
    best = ranked[0]
    lead = scores[best.name] - (scores[ranked[1].name] if len(ranked) > 1 else 0)
    if best.blocks >= _BESIDE:
        why = f"equal values stand side by side; {best.distinct:,} different"
    elif pauses[best.name] < _BURSTS:
        why = f"its values come in bursts, as people do; {best.distinct:,} different in {best.rows:,} rows"
    else:
        why = f"the first of the columns that could be it; {best.distinct:,} different in {best.rows:,} rows"
    return Choice(best.name, 0.7 if lead > 0.3 else 0.5, why)


def item(candidates: Sequence[Column], frame: pl.DataFrame) -> Choice | None:
    """The finest id: the column with most different values of those that do not number rows."""
    usable = [
        column for column in candidates if column.distinct > 1 and (column.unique < _ROW_IDS or column.rows < 100)
    ]
    usable = usable or [column for column in candidates if column.distinct > 1]
    if not usable:
        return None
    best = max(usable, key=lambda column: column.distinct)
    coarse = [other.name for other in usable if other is not best and follows(frame, best.name, other.name)]
    why = f"{best.distinct:,} different in {best.rows:,} rows, the most of what is left"
    if coarse:
        why += f"; it determines {', '.join(coarse)}"
    return Choice(best.name, 0.7 if len(usable) == 1 + len(coarse) else 0.5, why)


def burst(frame: pl.DataFrame, column: str, time: str) -> float:
    """Median pause between events of one value over their mean pause, over all values: 0 bursts, 0.7 chance."""
    pauses = (
        pl.DataFrame({"value": frame[column], "time": _instants(frame[time])})
        .drop_nulls()
        .sort("value", "time", maintain_order=True)
        .with_columns(pause=pl.col("time").diff().over("value"))
        .group_by("value")
        .agg(pl.col("pause").median().alias("median"), pl.col("pause").mean().alias("mean"), pl.len().alias("events"))
        .filter((pl.col("events") >= _LEAST) & (pl.col("mean") > 0))
    )
    return min(1.0, c.share(pauses["median"] / pauses["mean"])) if pauses.height else 1.0


def follows(frame: pl.DataFrame, owner: str, column: str) -> bool:
    """Whether the owner's value settles the column's, judged by owners that occur more than once."""
    pairs = pl.DataFrame({"owner": c.as_text(frame[owner]), "value": c.as_text(frame[column])})
    many = pairs.group_by("owner").agg(pl.len().alias("events"), pl.col("value").n_unique().alias("values"))
    many = many.filter(pl.col("events") > 1)
    return many.height > 0 and c.share(many["values"] == 1) >= _FOLLOWS


def orders(frame: pl.DataFrame, user_column: str | None, time: str, column: str) -> bool:
    """Whether a column tells events of one user and time apart."""
    keys = [name for name in (user_column, time) if name]
    ties = frame.select(*keys, column).filter(pl.struct(keys).is_duplicated())
    return ties.height > 0 and not ties.is_duplicated().any()


def _instants(values: pl.Series) -> pl.Series:
    """Times as numbers of some unit, good for comparing pauses."""
    if values.dtype.is_temporal():
        return values.to_physical().cast(pl.Float64)
    numbers = c.as_numbers(c.as_text(values))
    if numbers.null_count() < len(numbers):
        return numbers
    text = c.as_text(values)
    milliseconds, is_time = c.parse.milliseconds(text.to_arrow(), "iso8601")
    return pl.Series(milliseconds).cast(pl.Float64).set(~pl.Series(is_time), None)
