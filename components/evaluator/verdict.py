"""What the blessing says: blessing.json."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Check(BaseModel):
    """One condition."""

    model_config = ConfigDict(extra="forbid")

    name: str
    passed: bool
    why: Annotated[str, Field(description="a sentence with figures")]
    figures: dict[str, float]


class Decision(BaseModel):
    """blessing.json."""

    model_config = ConfigDict(extra="forbid")

    blessed: bool
    why: Annotated[str, Field(description="a plain sentence with figures")]
    split: str
    metric: str
    checks: list[Check]
