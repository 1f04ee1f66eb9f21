"""metrics.json: TFMA's values, each with its confidence interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from components.evaluator import pair_rows, per_user, tfma_run
from components.evaluator.options import Options
from components.evaluator.tfma_metrics import rank_gains
from ranker import bootstrap, pair_metrics

# split -> model -> slice -> metric -> {"value", "low", "high"}
Report = dict[str, dict[str, dict[str, dict[str, dict[str, float | None]]]]]
_Bounds = dict[str, dict[str, bootstrap.Interval]]  # model -> metric -> interval
_OF_PAIRS = frozenset(name for values in pair_metrics.NAMES.values() for name in values)
_NOTHING = (None, None, None)


class Paired(NamedTuple):
    """What of pairs is reported. rows: of pair_rows.read. head: a name of ranker.heads. models: pair_rows.columns."""

    rows: pl.DataFrame
    head: str
    models: Mapping[str, str]


def report(
    evaluation: str, rows: pl.DataFrame, models: list[str], options: Options, paired: Paired | None = None
) -> Report:
    """Joins values and intervals.

    Coverage, mean popularity, shares of cold items and numbers have no interval: coverage grows with the number of
    lists, so resampled users always cover less than the users do. Their low and high are null.

    Args:
        evaluation: folder that TFMA wrote into.
        rows: of per_user.read.
        models: keys of per_user.RANK_COLUMNS.
        options: the stage's knobs.
        paired: the pairs; None: the head has none. A slice without pairs has none of their metrics.
    Returns: what schemas.contents.METRICS_FILE holds.
    """
    found: Report = {split: {} for split in rows[per_user.SPLIT].unique().sort()}
    bounds = {split: _bounds(split, rows, models, paired, options) for split in found}
    for model in dict.fromkeys([*models, *(paired.models if paired else ())]):
        for split, by_slice in tfma_run.read_results(evaluation, model).items():
            found[split][model] = {
                name: _entries(by_slice[name], of_models[model])
                for name, of_models in bounds[split].items()
                if model in of_models
            }
    return found


def _entries(values: dict[str, float], intervals: dict[str, bootstrap.Interval]) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = {}
    for metric, value in values.items():
        if metric in intervals or metric not in _OF_PAIRS:
            _, low, high = intervals.get(metric, _NOTHING) if metric != pair_metrics.SCORED else _NOTHING
            found[metric] = {"value": value, "low": low, "high": high}
    return found


def _bounds(
    split: str, rows: pl.DataFrame, models: list[str], paired: Paired | None, options: Options
) -> dict[str, _Bounds]:
    """Slice -> model -> metric -> interval; all models and metrics of a slice share their resamples."""
    of_split = pl.col(per_user.SPLIT) == split
    found = {
        name: _intervals(part, models, options) for name, part in per_user.slices(rows.filter(of_split), options.slices)
    }
    pairs = paired.rows.filter(of_split) if paired else pl.DataFrame()
    if paired is None or pairs.is_empty():
        return found
    for name, part in per_user.slices(pairs, options.slices):
        for model, intervals in pair_rows.intervals(part, paired.head, paired.models, options).items():
            found[name].setdefault(model, {}).update(intervals)
    return found


def _intervals(rows: pl.DataFrame, models: list[str], options: Options) -> _Bounds:
    gains = {
        (model, metric): gain
        for model in models
        for metric, gain in rank_gains(per_user.ranks(rows, model), options.cutoffs).items()
    }
    found = bootstrap.intervals(
        np.stack(list(gains.values()), axis=1),
        per_user.users(rows),
        confidence=options.confidence,
        resamples=options.resamples,
        seed=options.seed,
    )
    by_model: _Bounds = {model: {} for model in models}
    for (model, metric), interval in zip(gains, found, strict=True):
        by_model[model][metric] = interval
    return by_model
