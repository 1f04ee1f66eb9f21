"""Whether a model may be published: decided on validation, said in a sentence with figures."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from components.evaluator import per_user
from components.evaluator.options import Options
from components.evaluator.tfma_metrics import rank_gains
from ranker import bootstrap
from schemas import errors, features


class Check(BaseModel):
    """One condition."""

    model_config = ConfigDict(extra="forbid")

    name: str
    passed: bool
    why: Annotated[str, Field(description="a sentence with figures")]
    figures: dict[str, float]


class Decision(BaseModel):
    """blessing.json."""

    model_config = ConfigDict(extra="forbid")

    blessed: bool
    why: Annotated[str, Field(description="a plain sentence with figures")]
    split: str
    metric: str
    checks: list[Check]


def decide(rows: pl.DataFrame, options: Options) -> Decision:
    """Decides by the validation rows alone.

    1. The metric must be above zero and at least options.min_lift times the most-popular baseline's.
    2. Where there is a latest blessed model: each user's difference to it is resampled; the model is refused where
       the interval lies wholly below -options.max_loss. So a model that can't be told apart from the latest one
       passes, and each refusal is backed by the data at hand; few users make wide intervals and few refusals.
    The user's own latest items, where they are ranked at all, refuse nothing; a model below them is said to be.

    Args:
        rows: of per_user.read, all splits.
        options: the stage's knobs.
    Raises: DataError: no validation rows.
    """
    rows = rows.filter(pl.col(per_user.SPLIT) == features.VALID)
    if rows.is_empty():
        raise errors.DataError(
            "There are no validation examples, so nothing says whether the model may be published.",
            where="evaluator",
            next_step="Choose a split (sequence_gen.split) that leaves events for validation, or give more data; where "
            "few users have all the labels, raise evaluator.max_labels, by which users are drawn.",
        )
    checks = [_beats_popularity(rows, options)]
    if rows[per_user.RANK_COLUMNS[per_user.BASELINE]].null_count() == 0:
        checks.append(_no_worse(rows, options))
    failed = [check.why for check in checks if not check.passed]
    blessed = not failed
    why = ("Blessed: " if blessed else "Not blessed: ") + " ".join(failed or [check.why for check in checks])
    why += _below_recent(rows, options)
    return Decision(blessed=blessed, why=why, split=features.VALID, metric=options.metric, checks=checks)


def _gain(rows: pl.DataFrame, model: str, options: Options) -> np.ndarray:
    return rank_gains(per_user.ranks(rows, model), options.cutoffs)[options.metric]


def _beats_popularity(rows: pl.DataFrame, options: Options) -> Check:
    ours = float(_gain(rows, per_user.CANDIDATE, options).mean())
    popular = float(_gain(rows, per_user.POPULARITY, options).mean())
    needed = options.min_lift * popular
    lift = f", {ours / popular:.2f} times" if popular else ""
    why = (
        f"{options.metric} on validation is {ours:.4f}{lift} the most-popular baseline's {popular:.4f}; "
        f"at least {options.min_lift:g} times is asked for."
    )
    figures = {"candidate": ours, "popularity": popular, "needed": needed}
    return Check(name="beats_popularity", passed=ours > 0 and ours >= needed, why=why, figures=figures)


def _below_recent(rows: pl.DataFrame, options: Options) -> str:
    """A warning where the user's own latest items do better; "" where they don't, or are no baseline."""
    if rows[per_user.RANK_COLUMNS[per_user.RECENT]].null_count():
        return ""
    ours, own = (float(_gain(rows, model, options).mean()) for model in (per_user.CANDIDATE, per_user.RECENT))
    if ours >= own:
        return ""
    return f" But each user's own latest items, latest first, reach {own:.4f}, more than the model's {ours:.4f}."


def _no_worse(rows: pl.DataFrame, options: Options) -> Check:
    difference = _gain(rows, per_user.CANDIDATE, options) - _gain(rows, per_user.BASELINE, options)
    (found,) = bootstrap.intervals(
        difference[:, None],
        per_user.users(rows),
        confidence=options.confidence,
        resamples=options.resamples,
        seed=options.seed,
    )
    limit = -options.max_loss
    why = (
        f"Against the latest blessed model {options.metric} differs by {found.value:+.4f} "
        f"({options.confidence:.0%} interval {found.low:+.4f} to {found.high:+.4f}); "
        f"an interval wholly below {limit:.4f} is refused."
    )
    figures = {"difference": found.value, "low": found.low, "high": found.high, "limit": limit}
    return Check(name="no_worse_than_latest", passed=found.high >= limit, why=why, figures=figures)
