"""What /recommend and /events take and give: the OpenAPI document is made of these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ranker import registry
from schemas.features import FEATURE_PREFIX

_LATEST = 253_402_300_799_999  # milliseconds: the end of the year 9999

Id = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Milliseconds = Annotated[int, Field(ge=0, le=_LATEST, strict=True, description="since 1970 UTC; 0: unknown")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Event(_Strict):
    """One event of a history."""

    item_id: Id
    timestamp: Milliseconds = 0


class Filter(_Strict):
    """Items that may be answered, by a column of the items table that the model was trained with."""

    column: Annotated[str, Field(min_length=1, max_length=256, description="as the items table calls it: genres, say")]
    any_of: Annotated[tuple[str, ...], Field(max_length=1000, description="at least one of these values")] = ()
    all_of: Annotated[tuple[str, ...], Field(max_length=1000, description="every one of these")] = ()
    none_of: Annotated[tuple[str, ...], Field(max_length=1000, description="none of these")] = ()

    @property
    def feature(self) -> str:
        """The column as the exported table calls it."""
        return FEATURE_PREFIX + self.column


def _known(method: str) -> str:
    known = registry.names("rerank")
    if method not in known:
        raise ValueError(f"there is no {method!r}; known: {', '.join(known)}")
    return method


class Diversity(_Strict):
    """How the model's first items are put in another order."""

    method: Annotated[str, AfterValidator(_known), Field(max_length=32, description="mmr, dpp or calibrated")]
    strength: Annotated[float, Field(ge=0, le=1, description="0: the model's own order")] = 0.3


class RecommendRequest(_Strict):
    """Whose next items, and which of them may be answered."""

    history: Annotated[
        tuple[Event | Id, ...] | None,
        Field(
            description="oldest first, item ids or events. null: what is kept of the user (/events); [] says that "
            "nothing is known"
        ),
    ] = None
    user_id: Annotated[
        Id | None, Field(description="with a history for models that know users; alone for whom events are kept of")
    ] = None
    k: Annotated[int, Field(ge=1, le=10_000, strict=True, description="items, at most as many as the model gives")] = 10
    exclude: Annotated[tuple[Id, ...], Field(description="items that must not be answered")] = ()
    only: Annotated[
        tuple[Id, ...] | None, Field(max_length=10_000, description="items that may be answered; null: all")
    ] = None
    filters: Annotated[
        tuple[Filter, ...], Field(max_length=16, description="each must hold; among the model's own first items")
    ] = ()
    now: Annotated[
        Milliseconds | None,
        Field(description="when it asks: what is published later is no answer; null: right after the last event"),
    ] = None
    diversity: Annotated[Diversity | None, Field(description="null: the model's own order")] = None
    explain: Annotated[
        int, Field(ge=0, le=20, strict=True, description="items of the history to name as reasons of each answer")
    ] = 0

    @model_validator(mode="after")
    def _somebody(self) -> RecommendRequest:
        if self.history is None and self.user_id is None:
            raise ValueError("give a history, or the user_id of somebody whose events were sent to /events")
        return self


class Reason(_Strict):
    """An item of the history, and what of the answer's score is owed to it (any unit; the sign says for or against)."""

    item_id: str
    title: str | None
    weight: float


class Recommended(_Strict):
    """One answer."""

    item_id: str
    score: Annotated[float, Field(description="of the model's head; of next_item it is no more than an order")]
    title: str | None = None
    because: tuple[Reason, ...] | None = None


class RecommendResponse(_Strict):
    """Best first."""

    items: tuple[Recommended, ...]
    model_version: int
    source: Annotated[
        Literal["history", "state", "kept_history"],
        Field(description="what it was made from: the given history, or of the user's kept events the state or, where "
              "that isn't there (yet), the events themselves"),
    ]  # fmt: skip
    short: Annotated[
        bool, Field(description="whether filters, or the catalogue, left fewer than k of the model's own first items")
    ] = False


class EventRequest(_Strict):
    """Something that a user did."""

    user_id: Id
    item_id: Id
    timestamp: Milliseconds = 0
    event_id: Annotated[
        Id | None, Field(description="the same id again, as the user's last or one of the 16 before, changes nothing")
    ] = None


class EventResponse(_Strict):
    """Kept; the user's next request knows of it."""

    events: Annotated[int, Field(description="that are kept of the user now")]
    kept: Annotated[bool, Field(description="false: this event_id was there already")]


class ErrorResponse(BaseModel):
    """What is wrong, and where; `error` is TensorFlow Serving's own name for it."""

    error: str
    details: list[str] = []
