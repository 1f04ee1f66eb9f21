"""The rows of pairs that inference leaves, schemas.records.PAIRS, read back for intervals and for the blessing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from tfx.dsl.io import fileio

from components.evaluator import per_user
from ranker import bootstrap, pair_metrics
from schemas import records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from components.evaluator.options import Options

CONSTANT, MEAN, ITEM_MEAN = "constant", "mean", "item_mean"
# Of each head: the model's name in metrics.json -> its column.
TRIVIAL: Final[Mapping[str, Mapping[str, str]]] = {
    "pointwise": {per_user.POPULARITY: "by_item", CONSTANT: "constant"},
    "rating": {ITEM_MEAN: "by_item", MEAN: "constant"},
}
WORDS: Final[Mapping[str, str]] = {
    per_user.POPULARITY: "the most-popular baseline's",
    CONSTANT: "that of one probability for all",
    ITEM_MEAN: "that of each item's mean rating",
    MEAN: "that of the mean rating",
}


def columns(head: str, compared: bool) -> dict[str, str]:
    """The models whose pairs are measured, the candidate first, and their columns.

    Args:
        head: a name of ranker.heads; next_item has none.
        compared: whether the latest blessed model's scores mean the same.
    """
    if head not in TRIVIAL:
        return {}
    return {
        per_user.CANDIDATE: "candidate",
        **TRIVIAL[head],
        **({per_user.BASELINE: "baseline"} if compared else {}),
    }


def read(folder: str) -> pl.DataFrame:
    """All pairs, in an order that doesn't depend on how Beam wrote them.

    Args:
        folder: of the Parquet files; there need not be any.
    Returns: the columns of schemas.records.PAIRS.
    """
    parts = [per_user.read_parquet(path) for path in sorted(fileio.glob(f"{folder}/*.parquet"))]
    empty = pl.DataFrame(pl.from_arrow(records.PAIRS.empty_table()))
    return pl.concat([empty, *parts]).sort([per_user.SPLIT, "user_id", "label_timestamp", "label", "item", "target"])


def sums(rows: pl.DataFrame, head: str, column: str) -> Callable[[np.ndarray, int], np.ndarray]:
    """A function of groups, for ranker.bootstrap.of_sums, of one model's predictions."""
    given = [rows[name].to_numpy() for name in (column, "target", "weight")]
    return lambda group, groups: pair_metrics.SUMS[head](*given, group, groups)


def intervals(
    rows: pl.DataFrame, head: str, models: Mapping[str, str], options: Options
) -> dict[str, dict[str, bootstrap.Interval]]:
    """Every metric of every model, with its interval; all share their resamples.

    Args:
        rows: at least one.
        head: a name of ranker.heads.
        models: of `columns`.
        options: the stage's knobs.
    Returns: model -> metric -> interval.
    """
    add_ups = [sums(rows, head, column) for column in models.values()]
    names = pair_metrics.NAMES[head]

    def statistics(total: np.ndarray) -> np.ndarray:
        found = [pair_metrics.VALUES[head](part) for part in np.split(total, len(add_ups), axis=1)]
        return np.stack([of_model[name] for of_model in found for name in names], axis=1)

    bounds = resampled(rows, add_ups, statistics, options)
    by_model = np.split(np.array(bounds), len(models))
    return {
        model: {name: bootstrap.Interval(*map(float, row)) for name, row in zip(names, part, strict=True)}
        for model, part in zip(models, by_model, strict=True)
    }


def resampled(
    rows: pl.DataFrame,
    add_ups: Sequence[Callable[[np.ndarray, int], np.ndarray]],
    statistics: Callable[[np.ndarray], np.ndarray],
    options: Options,
) -> list[bootstrap.Interval]:
    """Intervals of statistics of the models' sums, side by side in the order of `add_ups`; users are drawn."""
    return bootstrap.of_sums(
        lambda group, groups: np.concatenate([add_up(group, groups) for add_up in add_ups], axis=1),
        statistics,
        per_user.users(rows),
        confidence=options.confidence,
        resamples=options.resamples,
        seed=options.seed,
    )
