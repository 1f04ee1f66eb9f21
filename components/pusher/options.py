"""Pusher's knobs."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.keys import KeyOptions


class Options(BaseModel):
    """How models are published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Annotated[
        str | None,
        Field(
            description="folder or address (s3://, minio://, gs://, …) that a model server watches; versions are "
            "folders in it. "
            "null: serving/<run.name> in the output root"
        ),
    ] = None
    encryption: Annotated[
        KeyOptions | None,
        Field(
            description="published models are encrypted with this key, and `seqrank serve` alone serves them, which "
            "needs it, too; their manifest isn't. null: they lie in the clear"
        ),
    ] = None
    keep: Annotated[
        int | None,
        Field(
            description="versions that stay after a push, the newest first; null: all. At least 2: a repeated run is "
            "compared with the version before the newest, as the first run was, and so comes from the cache",
            ge=2,
        ),
    ] = None
