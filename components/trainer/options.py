"""Knobs of the Trainer: those of any training, and what is peculiar to the stage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ranker.options import ModelOptions
from ranker.training_options import TrainingOptions


class Options(TrainingOptions):
    """How the model is made, trained and exported."""

    recommendations: Annotated[
        int, Field(description="items in each answer of the exported model; whoever asks for fewer cuts", gt=0)
    ] = 100
    refit: Annotated[
        bool,
        Field(
            description="train a second model on all labels, validation's and test's too, for the best number of "
            "epochs; it is what a blessed run publishes, while the first one is what is measured"
        ),
    ] = False
    cold_items: Annotated[
        bool,
        Field(
            description="let items of the items table that training never saw be candidates, by their features; "
            "otherwise the table's features help known items only"
        ),
    ] = True
    model: Annotated[ModelOptions, Field(description="the model itself")] = ModelOptions()
