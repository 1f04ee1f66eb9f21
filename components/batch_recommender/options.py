"""Knobs of the lists for every user."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """What is written for each user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: Annotated[
        int,
        Field(ge=1, description="items for each user; trainer.recommendations at most"),
    ] = 20
    batch_size: Annotated[int, Field(ge=1, description="users that the model answers at a time")] = 256
    buckets: Annotated[
        int | None,
        Field(
            ge=1,
            description="parts that users are split into, each worked on in memory at once. null: as many as keep a "
            "part below 250,000 interactions",
        ),
    ] = None
