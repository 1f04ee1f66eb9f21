"""Transform's knobs. Read without TensorFlow."""

from __future__ import annotations

import itertools
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

MINUTE, HOUR, DAY = 60, 3_600, 86_400


class Options(BaseModel):
    """How ids and times become numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_frequency: Annotated[
        int, Field(description="training interactions an item needs to be in the vocabulary, and so a candidate", ge=1)
    ] = 1
    gap_boundaries: Annotated[
        tuple[int, ...],
        Field(
            description="seconds, rising: the time since the event before falls into the bucket between two of them",
            min_length=1,
        ),
    ] = (1, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY)
    context_values: Annotated[
        int,
        Field(
            description="most values that get an id in each context column and each column of the users table, the "
            "most frequent of training; others are unknown, as are empty ones and those with a line break",
            ge=1,
        ),
    ] = 10_000

    @field_validator("gap_boundaries")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if value[0] < 1 or any(later <= earlier for earlier, later in itertools.pairwise(value)):
            raise ValueError("gap_boundaries must be whole seconds, at least 1, each larger than the one before")
        return value

    @property
    def gaps(self) -> int:
        """Number of values of schemas.features.HISTORY_GAP: 0, and one more than there are boundaries."""
        return len(self.gap_boundaries) + 2
