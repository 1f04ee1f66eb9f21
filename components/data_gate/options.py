"""Knobs of DataGate."""

from __future__ import annotations

import difflib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

EVERY_KIND = "ALL"
NO_DATA = "NO_DATA"


class Options(BaseModel):
    """What stops the chain before anything trains."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_rejected: Annotated[
        float,
        Field(
            description="largest share of rows read that may be rejected, 0 to 1, of the log and of each table",
            ge=0,
            le=1,
        ),
    ] = 0.001
    max_unreachable: Annotated[
        float,
        Field(
            description="largest share of labels, 0 to 1, that repeat an item of their history while seen items are "
            "masked and so could never be hit",
            ge=0,
            le=1,
        ),
    ] = 0.05
    max_missing: Annotated[
        float,
        Field(
            description="largest share of the log's items, 0 to 1, that may have no row in the items table; of its "
            "users, in the users table",
            ge=0,
            le=1,
        ),
    ] = 0.5
    max_early: Annotated[
        float,
        Field(
            description="largest share of the log's events, 0 to 1, that may come before their item's publication, as "
            "the items table has it: what isn't published is no candidate, so these labels would have few rivals",
            ge=0,
            le=1,
        ),
    ] = 0.5
    refuse_anomalies: Annotated[
        tuple[str, ...],
        Field(
            description="kinds of anomaly that stop the chain, as TensorFlow Data Validation names them "
            "(SCHEMA_MISSING_COLUMN, INT_TYPE_BIG_INT, ...), or NO_DATA; ALL: every kind; the others are only reported"
        ),
    ] = (EVERY_KIND,)

    @field_validator("refuse_anomalies")
    @classmethod
    def _known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if set(kinds) <= {EVERY_KIND, NO_DATA}:
            return kinds
        from tensorflow_metadata.proto.v0 import anomalies_pb2  # needs no TensorFlow

        known = [EVERY_KIND, NO_DATA, *anomalies_pb2.AnomalyInfo.Type.keys()]
        for kind in kinds:
            if kind not in known:
                close = difflib.get_close_matches(kind.upper(), known, 3, 0.4)
                raise ValueError(f"'{kind}' is no kind of anomaly; near to it: {', '.join(close) or 'none'}")
        return kinds

    def refuses(self, kind: str) -> bool:
        """Whether an anomaly of this kind stops the chain."""
        return EVERY_KIND in self.refuse_anomalies or kind in self.refuse_anomalies
