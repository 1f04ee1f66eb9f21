"""The knobs of a training and of its model together: what the Trainer and each of the Tuner's trials must know."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ranker.options import ModelOptions
from ranker.training_options import TrainingOptions


class JobOptions(TrainingOptions):
    """How the model is made and trained."""

    cold_items: Annotated[
        bool,
        Field(
            description="let items of the items table that training never saw be candidates, by their features; "
            "otherwise the table's features help known items only"
        ),
    ] = True
    model: Annotated[ModelOptions, Field(description="the model itself")] = ModelOptions()

    def job(self) -> JobOptions:
        """These knobs without those that a subclass adds."""
        return JobOptions.model_validate(self.model_dump(include=set(JobOptions.model_fields)))
