"""metrics.json: TFMA's values, each with its confidence interval."""

from __future__ import annotations

import numpy as np
import polars as pl

from components.evaluator import per_user, tfma_run
from components.evaluator.options import Options
from components.evaluator.tfma_metrics import rank_gains
from ranker import bootstrap

# split -> model -> slice -> metric -> {"value", "low", "high"}
Report = dict[str, dict[str, dict[str, dict[str, dict[str, float | None]]]]]


def report(evaluation: str, rows: pl.DataFrame, models: list[str], options: Options) -> Report:
    """Joins values and intervals.

    Coverage, mean popularity, shares of cold items and numbers of examples have no interval: coverage grows with the
    number of lists, so resampled users always cover less than the users do. Their low and high are null.

    Args:
        evaluation: folder that TFMA wrote into.
        rows: of per_user.read.
        models: keys of per_user.RANK_COLUMNS.
        options: the stage's knobs.
    Returns: what schemas.artifacts.METRICS_FILE holds.
    """
    found: Report = {split: {} for split in rows[per_user.SPLIT].unique().sort()}
    bounds = {split: _bounds(rows.filter(pl.col(per_user.SPLIT) == split), models, options) for split in found}
    for model in models:
        for split, by_slice in tfma_run.read_results(evaluation, model).items():
            found[split][model] = {
                name: _entries(by_slice[name], intervals[model]) for name, intervals in bounds[split].items()
            }
    return found


def _entries(values: dict[str, float], intervals: dict[str, bootstrap.Interval]) -> dict[str, dict[str, float | None]]:
    nothing = (None, None, None)
    bounds = {metric: intervals.get(metric, nothing)[1:] for metric in values}
    return {metric: {"value": values[metric], "low": low, "high": high} for metric, (low, high) in bounds.items()}


def _bounds(
    rows: pl.DataFrame, models: list[str], options: Options
) -> dict[str, dict[str, dict[str, bootstrap.Interval]]]:
    """Slice -> model -> metric -> interval; all models and metrics of a slice share their resamples."""
    return {name: _intervals(part, models, options) for name, part in per_user.slices(rows, options.slices)}


def _intervals(rows: pl.DataFrame, models: list[str], options: Options) -> dict[str, dict[str, bootstrap.Interval]]:
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
    by_model: dict[str, dict[str, bootstrap.Interval]] = {model: {} for model in models}
    for (model, metric), interval in zip(gains, found, strict=True):
        by_model[model][metric] = interval
    return by_model
