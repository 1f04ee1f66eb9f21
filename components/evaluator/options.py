"""Knobs of the Evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas import features

METRICS = ("hr", "ndcg", "mrr")
# Of pairs of a history and an item, by the model's head (ranker.pair_metrics): the first decides unless told otherwise.
PAIR_METRICS: Mapping[str, tuple[str, ...]] = {
    "pointwise": ("log_loss", "auc", "accuracy", "calibration_error"),
    "rating": ("rmse", "mae"),
}
# Of the candidate's lists as a whole (components.evaluator.exposure), and what TFMA counts of them.
GINI, NOVELTY, DISTANCE, GAP = "gini", "novelty", "ild", "ndcg_gap"
USER_GAP = f"{GAP}_user_"  # and a column of the users table
GAP_GROUPS = (features.HISTORY_LENGTH, features.LABEL_POPULARITY)
LISTS = (
    GINI,
    NOVELTY,
    DISTANCE,
    *(f"{GAP}_{group}" for group in GAP_GROUPS),
    "coverage",
    "mean_popularity",
    "cold_share",
)
_OF_RANKS = "ndcg@10"
Cutoff = Annotated[int, Field(ge=1, le=features.TOP_K)]


class Limit(BaseModel):
    """Between what a figure must lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: Annotated[float | None, Field(allow_inf_nan=False, description="at least; null: no limit")] = None
    max: Annotated[float | None, Field(allow_inf_nan=False, description="at most; null: no limit")] = None

    @model_validator(mode="after")
    def _possible(self) -> Limit:
        if self.min is None and self.max is None:
            raise ValueError("a limit needs min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is more than max")
        return self


class Options(BaseModel):
    """What is measured, and what a model must show to be published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoffs: Annotated[
        tuple[Cutoff, ...], Field(min_length=1, description="The k of HR@k, NDCG@k, MRR@k, coverage@k, in items.")
    ] = (1, 5, 10, 20)
    metric: Annotated[
        str | None,
        Field(
            description="Decides on validation whether a model is blessed: hr, ndcg or mrr, @, a cutoff; with the head "
            "pointwise also log_loss, auc, accuracy or calibration_error, with the head rating also rmse or mae. null: "
            "ndcg@10; with those heads log_loss and rmse."
        ),
    ] = None
    min_lift: Annotated[
        float,
        Field(
            ge=0,
            description="The metric must be at least this many times the most-popular baseline's. A user without "
            "history gets the most popular items from the model, too: many of them pull this ratio towards 1.",
        ),
    ] = 1.2
    min_gain: Annotated[
        float,
        Field(
            ge=0,
            description="With a metric of the heads pointwise and rating, in place of min_lift: how much better than "
            "each baseline the metric must be shown to be, which is that the whole interval of the difference is.",
        ),
    ] = 0.0
    pairs: Annotated[
        int,
        Field(ge=1, description="With the head pointwise: items that are drawn for each label, as in training."),
    ] = 10
    max_loss: Annotated[
        float,
        Field(
            ge=0,
            description="Refuse where the interval of the metric's difference to the latest blessed model lies wholly "
            "below minus this. 0: refuse whatever is shown to be worse, let pass what can't be told apart.",
        ),
    ] = 0.0
    confidence: Annotated[float, Field(gt=0.5, lt=1, description="Of every interval: 0.95 leaves 2.5 % a side.")] = 0.95
    resamples: Annotated[int, Field(ge=100, le=100_000, description="Bootstrap resamples of an interval.")] = 1000
    seed: Annotated[int, Field(ge=0, description="Of the bootstrap: the same rows give the same intervals.")] = 0
    batch_size: Annotated[int, Field(ge=1, description="Examples that the model ranks at a time.")] = 256
    limits: Annotated[
        dict[str, Limit],
        Field(
            description="Figures on validation that a model must keep to be published, such as {gini@10: {max: 0.9}, "
            "coverage@20: {min: 0.3}}: gini, novelty, ild (with an items table), ndcg_gap_history_length, "
            "ndcg_gap_label_popularity, ndcg_gap_user_<column of the users table>, coverage, mean_popularity, "
            "cold_share, hr, ndcg or mrr, @, a cutoff."
        ),
    ] = {}
    max_labels: Annotated[
        int | None,
        Field(
            ge=1,
            description="Labels of each split that are ranked, about: where there are more, users are chosen by a hash "
            "of their id, so that every machine and every model gets the same ones, each with all of his labels. "
            "null: all.",
        ),
    ] = 100_000
    slices: Annotated[
        bool,
        Field(
            description="Also report by the history's length, by the label's popularity, and by whether the label "
            "repeats an item of the past."
        ),
    ] = True

    @model_validator(mode="after")
    def _metric_is_measured(self) -> Options:
        known = [*self._rank_metrics(), *(name for names in PAIR_METRICS.values() for name in names)]
        if self.metric is not None and self.metric not in known:
            raise ValueError(f"metric is {self.metric!r}, which isn't measured; choose one of {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _limits_are_measured(self) -> Options:
        known = [*self._rank_metrics(), *(f"{name}@{k}" for name in LISTS for k in self.cutoffs)]
        for name in self.limits:
            of_users = name.startswith(USER_GAP) and name.rpartition("@")[2] in map(str, self.cutoffs)
            if not of_users and (name not in known or name == f"{DISTANCE}@1"):
                raise ValueError(f"limits: {name} isn't measured; choose of {', '.join(known)}")
        return self

    def metric_of(self, head: str) -> str:
        """The metric that decides.

        Args:
            head: of the model, a name of ranker.heads.
        Raises: ValueError: it isn't measured with that head.
        """
        of_pairs = PAIR_METRICS.get(head, ())
        chosen = self.metric or next(iter(of_pairs), _OF_RANKS)
        measured = [*of_pairs, *self._rank_metrics()]
        if chosen not in measured:
            raise ValueError(
                f"metric {chosen} isn't measured with the head {head}; choose one of {', '.join(measured)}"
            )
        return chosen

    def _rank_metrics(self) -> list[str]:
        return [f"{name}@{k}" for name in METRICS for k in self.cutoffs]
