"""Whether a model whose scores are probabilities or ratings may be published, by a metric of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from components.evaluator import pair_rows, per_user
from components.evaluator.verdict import Check
from ranker import pair_metrics
from schemas import errors

if TYPE_CHECKING:
    from components.evaluator.options import Options
    from ranker.bootstrap import Interval


def checks(rows: pl.DataFrame, head: str, metric: str, options: Options) -> list[Check]:
    """The conditions, each by the paired interval of the difference over resampled users.

    1. Against each trivial baseline the whole interval of what the model is better by must lie above options.min_gain.
    2. Where there is a latest blessed model whose scores mean the same, that interval must not lie wholly below
       -options.max_loss: a model that can't be told apart from it passes.

    Args:
        rows: of pair_rows.read, of validation.
        head: a name of ranker.heads, with metrics of pairs.
        metric: one of them.
        options: the stage's knobs.
    Raises: DataError: no rows.
    """
    if rows.is_empty():
        raise errors.DataError(
            f"There is no validation label that {metric} could be measured by.",
            where="evaluator",
            why="A label counts where training has seen its item"
            + (" and somebody rated it." if head == "rating" else "."),
            next_step="Give more data, or choose another evaluator.metric.",
        )
    found = [_beats(rows, head, metric, name, options) for name in pair_rows.TRIVIAL[head]]
    if rows["baseline"].null_count() == 0:
        found.append(_no_worse(rows, head, metric, options))
    return found


def _beats(rows: pl.DataFrame, head: str, metric: str, name: str, options: Options) -> Check:
    ours, theirs, gain = _compared(rows, head, metric, pair_rows.TRIVIAL[head][name], options)
    why = (
        f"{metric} on validation is {ours.value:.4f}, {pair_rows.WORDS[name]} {theirs.value:.4f}: a gain of "
        f"{_words(gain, options)}, all of which must lie above {options.min_gain:g}."
    )
    figures = {"candidate": ours.value, name: theirs.value, **_figures(gain), "needed": options.min_gain}
    return Check(name=f"beats_{name}", passed=gain.low > options.min_gain, why=why, figures=figures)


def _no_worse(rows: pl.DataFrame, head: str, metric: str, options: Options) -> Check:
    ours, theirs, gain = _compared(rows, head, metric, "baseline", options)
    limit = 0.0 - options.max_loss
    why = (
        f"The latest blessed model's {metric} is {theirs.value:.4f}: a gain of {_words(gain, options)}; an interval "
        f"wholly below {limit:.4f} is refused."
    )
    figures = {"candidate": ours.value, "baseline": theirs.value, **_figures(gain), "limit": limit}
    return Check(name="no_worse_than_latest", passed=gain.high >= limit, why=why, figures=figures)


def _compared(
    rows: pl.DataFrame, head: str, metric: str, column: str, options: Options
) -> tuple[Interval, Interval, Interval]:
    """The candidate, another model, and what the candidate is better by, on the same resamples."""
    better = -1.0 if metric in pair_metrics.LESS_IS_BETTER else 1.0

    def statistics(total: np.ndarray) -> np.ndarray:
        ours, theirs = (pair_metrics.VALUES[head](part)[metric] for part in np.split(total, 2, axis=1))
        return np.stack([ours, theirs, better * (ours - theirs)], axis=1)

    add_ups = [pair_rows.sums(rows, head, name) for name in (per_user.CANDIDATE, column)]
    ours, theirs, gain = pair_rows.resampled(rows, add_ups, statistics, options)
    return ours, theirs, gain


def _words(gain: Interval, options: Options) -> str:
    return f"{gain.value:+.4f} ({options.confidence:.0%} interval {gain.low:+.4f} to {gain.high:+.4f})"


def _figures(gain: Interval) -> dict[str, float]:
    return {"difference": gain.value, "low": gain.low, "high": gain.high}
