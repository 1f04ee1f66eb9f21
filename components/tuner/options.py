"""Knobs of the Tuner: how it searches, and among what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator


class Choices(BaseModel):
    """Some values, in no order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    choices: Annotated[
        tuple[bool | int | float | str, ...], Field(description="the values; of a named part its names", min_length=1)
    ]


class Range(BaseModel):
    """Every value between two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: Annotated[int | float, Field(description="the lowest value")]
    max: Annotated[int | float, Field(description="the highest value")]
    log: Annotated[
        bool, Field(description="try as many values between 1 and 10 as between 10 and 100; needs a min above 0")
    ] = False

    @model_validator(mode="after")
    def _possible(self) -> Range:
        if self.min >= self.max:
            raise ValueError(f"min must be below max; got {self.min} and {self.max}")
        if self.log and self.min <= 0:
            raise ValueError(f"log needs a min above 0; got {self.min}")
        return self


def _kind(value: object) -> str:
    return "choices" if isinstance(value, Choices) or (isinstance(value, dict) and "choices" in value) else "range"


Dimension = Annotated[Annotated[Choices, Tag("choices")] | Annotated[Range, Tag("range")], Discriminator(_kind)]


class Options(BaseModel):
    """A search for better knobs of the Trainer; each trial trains on the training split and is judged on validation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: Annotated[
        Literal["hyperband", "bayesian", "random"],
        Field(
            description="KerasTuner's way: many short trials, of which the better ones go on (hyperband); where "
            "earlier trials promise most (bayesian); anywhere (random)"
        ),
    ] = "hyperband"
    trials: Annotated[
        int, Field(description="most trials; with hyperband one that goes on for more epochs counts once more", gt=0)
    ] = 20
    epochs: Annotated[int | None, Field(description="most epochs of a trial; null: as many as the Trainer's", gt=0)] = (
        None
    )
    factor: Annotated[
        int, Field(description="hyperband's: one trial of so many goes on, for so many times the epochs", ge=2)
    ] = 3
    seed: Annotated[int, Field(description="of what is tried; each trial trains with trainer.seed", ge=0)] = 0
    space: Annotated[
        dict[str, Dimension],
        Field(
            description="by the knob's path under trainer, such as model.dropout: {choices: […]} or {min: …, max: …, "
            "log: true}",
            min_length=1,
        ),
    ]
