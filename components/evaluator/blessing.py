"""Whether a model may be published: decided on validation, said in a sentence with figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from components.evaluator import pair_blessing, per_user
from components.evaluator.options import PAIR_METRICS, Limit, Options
from components.evaluator.tfma_metrics import rank_gains
from components.evaluator.verdict import Check, Decision
from ranker import bootstrap
from schemas import errors, features

if TYPE_CHECKING:
    from collections.abc import Mapping


def decide(
    rows: pl.DataFrame,
    options: Options,
    head: str = "next_item",
    pairs: pl.DataFrame | None = None,
    overall: Mapping[str, Mapping[str, float | None]] | None = None,
) -> Decision:
    """Decides by the validation rows alone.

    By a metric of pairs, which those of the heads pointwise and rating are, as components.evaluator.pair_blessing says.
    By one of ranks:

    1. The metric must be above zero and at least options.min_lift times the most-popular baseline's.
    2. Where there is a latest blessed model: each user's difference to it is resampled; the model is refused where
       the interval lies wholly below -options.max_loss. So a model that can't be told apart from the latest one
       passes, and each refusal is backed by the data at hand; few users make wide intervals and few refusals.
    The user's own latest items, where they are ranked at all, refuse nothing; a model below them is said to be.

    Args:
        rows: of per_user.read, all splits.
        options: the stage's knobs.
        head: of the model, a name of ranker.heads.
        pairs: of pair_rows.read, all splits; None: the head has none.
        overall: metric -> {"value"}, the candidate's on validation: what options.limits are held against.
    Raises: DataError: no validation rows. ValueError: options.metric isn't measured with the head.
    """
    rows = rows.filter(pl.col(per_user.SPLIT) == features.VALID)
    if rows.is_empty():
        raise errors.DataError(
            "There are no validation examples, so nothing says whether the model may be published.",
            where="evaluator",
            next_step="Choose a split (sequence_gen.split) that leaves events for validation, or give more data; where "
            "few users have all the labels, raise evaluator.max_labels, by which users are drawn.",
        )
    metric = options.metric_of(head)
    if pairs is not None and metric in PAIR_METRICS.get(head, ()):
        valid = pairs.filter(pl.col(per_user.SPLIT) == features.VALID)
        checks, also = pair_blessing.checks(valid, head, metric, options), _unlike(rows, valid)
    else:
        checks, also = _of_ranks(rows, metric, options), _below_recent(rows, metric, options)
    checks += [_within(name, limit, overall or {}) for name, limit in options.limits.items()]
    failed = [check.why for check in checks if not check.passed]
    blessed = not failed
    why = ("Blessed: " if blessed else "Not blessed: ") + " ".join(failed or [check.why for check in checks])
    return Decision(blessed=blessed, why=why + also, split=features.VALID, metric=metric, checks=checks)


def _of_ranks(rows: pl.DataFrame, metric: str, options: Options) -> list[Check]:
    checks = [_beats_popularity(rows, metric, options)]
    if rows[per_user.RANK_COLUMNS[per_user.BASELINE]].null_count() == 0:
        checks.append(_no_worse(rows, metric, options))
    return checks


def _within(name: str, limit: Limit, overall: Mapping[str, Mapping[str, float | None]]) -> Check:
    """A figure that isn't there, such as a distance without an items table, keeps no limit."""
    value = overall.get(name, {}).get("value")
    low = -np.inf if limit.min is None else limit.min
    high = np.inf if limit.max is None else limit.max
    words = " and ".join(
        f"at {kind} {bound:g}" for kind, bound in (("least", limit.min), ("most", limit.max)) if bound is not None
    )
    if value is None:
        return Check(name=f"limit:{name}", passed=False, why=f"{name} isn't there; {words} is asked for.", figures={})
    why = f"{name} on validation is {value:.4f}; {words} is asked for (evaluator.limits)."
    return Check(name=f"limit:{name}", passed=low <= value <= high, why=why, figures={"candidate": value})


def _unlike(rows: pl.DataFrame, pairs: pl.DataFrame) -> str:
    """That the latest blessed model isn't compared, though there is one; "" where it is, or there is none."""
    there = rows[per_user.RANK_COLUMNS[per_user.BASELINE]].null_count() == 0
    if not there or pairs["baseline"].null_count() == 0:
        return ""
    return " The latest blessed model has another head: its scores mean something else, and aren't compared."


def _gain(rows: pl.DataFrame, model: str, metric: str, options: Options) -> np.ndarray:
    return rank_gains(per_user.ranks(rows, model), options.cutoffs)[metric]


def _beats_popularity(rows: pl.DataFrame, metric: str, options: Options) -> Check:
    ours = float(_gain(rows, per_user.CANDIDATE, metric, options).mean())
    popular = float(_gain(rows, per_user.POPULARITY, metric, options).mean())
    needed = options.min_lift * popular
    lift = f", {ours / popular:.2f} times" if popular else ""
    why = (
        f"{metric} on validation is {ours:.4f}{lift} the most-popular baseline's {popular:.4f}; "
        f"at least {options.min_lift:g} times is asked for."
    )
    figures = {"candidate": ours, "popularity": popular, "needed": needed}
    return Check(name="beats_popularity", passed=ours > 0 and ours >= needed, why=why, figures=figures)


def _below_recent(rows: pl.DataFrame, metric: str, options: Options) -> str:
    """A warning where the user's own latest items do better; "" where they don't, or are no baseline."""
    if rows[per_user.RANK_COLUMNS[per_user.RECENT]].null_count():
        return ""
    ours, own = (float(_gain(rows, model, metric, options).mean()) for model in (per_user.CANDIDATE, per_user.RECENT))
    if ours >= own:
        return ""
    return f" But each user's own latest items, latest first, reach {own:.4f}, more than the model's {ours:.4f}."


def _no_worse(rows: pl.DataFrame, metric: str, options: Options) -> Check:
    difference = _gain(rows, per_user.CANDIDATE, metric, options) - _gain(rows, per_user.BASELINE, metric, options)
    (found,) = bootstrap.intervals(
        difference[:, None],
        per_user.users(rows),
        confidence=options.confidence,
        resamples=options.resamples,
        seed=options.seed,
    )
    limit = 0.0 - options.max_loss
    why = (
        f"Against the latest blessed model {metric} differs by {found.value:+.4f} "
        f"({options.confidence:.0%} interval {found.low:+.4f} to {found.high:+.4f}); "
        f"an interval wholly below {limit:.4f} is refused."
    )
    figures = {"difference": found.value, "low": found.low, "high": found.high, "limit": limit}
    return Check(name="no_worse_than_latest", passed=found.high >= limit, why=why, figures=figures)
