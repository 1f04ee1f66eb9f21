"""Knobs of the Evaluator."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas import features

METRICS = ("hr", "ndcg", "mrr")
Cutoff = Annotated[int, Field(ge=1, le=features.TOP_K)]


class Options(BaseModel):
    """What is measured, and what a model must show to be published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoffs: Annotated[
        tuple[Cutoff, ...], Field(min_length=1, description="The k of HR@k, NDCG@k, MRR@k, coverage@k, in items.")
    ] = (1, 5, 10, 20)
    metric: Annotated[
        str, Field(description="Decides on validation whether a model is blessed: hr, ndcg or mrr, @, a cutoff.")
    ] = "ndcg@10"
    min_lift: Annotated[
        float,
        Field(
            ge=0,
            description="The metric must be at least this many times the most-popular baseline's. A user without "
            "history gets the most popular items from the model, too: many of them pull this ratio towards 1.",
        ),
    ] = 1.2
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
        measured = [f"{name}@{k}" for name in METRICS for k in self.cutoffs]
        if self.metric not in measured:
            raise ValueError(f"metric is {self.metric!r}, which isn't measured; choose one of {', '.join(measured)}")
        return self
