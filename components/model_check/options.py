"""Knobs of the check before the push."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """What a model must show in a fresh server process to be pushed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: Annotated[
        int, Field(ge=1, le=100_000, description="real requests, histories of validation; one after the other")
    ] = 200
    max_latency_ms: Annotated[
        float, Field(gt=0, description="99th percentile of their latency, in milliseconds, HTTP included")
    ] = 1000.0
    max_model_bytes: Annotated[int, Field(gt=0, description="bytes of the model's files")] = 8 << 30
    max_memory_bytes: Annotated[
        int | None, Field(gt=0, description="peak memory of the server's process; null: not looked at")
    ] = None
    max_start_seconds: Annotated[
        float, Field(gt=0, description="from the start of the process to its first model, TensorFlow's own included")
    ] = 300.0
