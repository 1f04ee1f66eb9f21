"""Knobs of the Trainer: those of any training, and what is peculiar to the stage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ranker.job_options import JobOptions


class Options(JobOptions):
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
    warm_start: Annotated[
        bool,
        Field(
            description="begin with the weights of the latest published model that other data made (by span: an older "
            "newest span), item by item; new items, and whatever has another shape than there, begin afresh, which the "
            "log says; so do a Tuner's trials"
        ),
    ] = False
