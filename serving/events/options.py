"""Knobs of the kept histories."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Where users' histories are kept, and how much of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: Annotated[
        str | None,
        Field(
            pattern=r"^(sqlite|redis|rediss|unix)://.+|^memory:$",
            description="sqlite:///FILE (an absolute path has four slashes), redis://host:port/db, rediss:// with TLS; "
            "memory: forgets all at the end. null: events.sqlite in the output root",
        ),
    ] = None
    password_file: Annotated[
        str | None, Field(description="file with Redis' password; also SEQRANK_REDIS_PASSWORD. null: none")
    ] = None
    key_file: Annotated[
        str | None,
        Field(
            description="file with 32 bytes in base64 that records are encrypted with; also SEQRANK_EVENTS_KEY. null: "
            "records are as they are"
        ),
    ] = None
    keep: Annotated[int, Field(ge=1, le=100_000, description="newest events of a user that are kept")] = 1000
    rebuild_users: Annotated[
        int, Field(ge=1, le=1024, description="users whose states are rebuilt at a time after a swap")
    ] = 64
