"""Knobs of SequenceGen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.sequence_gen.splits import Split, load
from schemas.features import MOST_PLACES


class KCore(BaseModel):
    """How many interactions a user and an item need to be kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: Annotated[int, Field(ge=1, description="Users with fewer interactions are dropped. 1 drops none.")] = 1
    items: Annotated[int, Field(ge=1, description="Items with fewer interactions are dropped. 1 drops none.")] = 1

    @property
    def active(self) -> bool:
        """Whether anything can be dropped at all."""
        return self.users > 1 or self.items > 1


class Options(BaseModel):
    """How interactions become sequences."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: Annotated[
        int,
        Field(
            ge=2,
            le=MOST_PLACES,
            description="Events that the model sees at most, and the length of a training sequence.",
        ),
    ] = 50
    overlap: Annotated[
        int | None,
        Field(
            ge=1,
            description="A history longer than the window is cut into windows that share this many positions: the "
            "later one has them as context only, so that each label trains once and none with less context than "
            "this. More overlap is more context and more work. Empty: a fifth of the window.",
        ),
    ] = None
    split: Annotated[
        Split,
        Field(description="How events are shared out between train, valid and test: a rule's name and its knobs."),
    ] = Field(default_factory=lambda: load("leave_last_out").Options())
    span_labels: Annotated[
        Literal["newest", "held_out", "all"],
        Field(
            description="Of a log by span (example_gen.spans): which events may be labels; the others are in histories "
            "and counts. newest: the newest span's alone, in training, validation and test; for a warm start, "
            "whose model learnt the older ones. held_out: validation's and test's are of the newest span, and training "
            "learns all others. all: spans mean nothing here."
        ),
    ] = "newest"
    k_core: Annotated[
        KCore,
        Field(
            description="Drop users and items with few interactions, again and again until all that are left have "
            "enough. Counts are over all splits, as papers do it; one worker holds 20 bytes a (user, item) pair. Off "
            "by default."
        ),
    ] = KCore()
    min_item_users: Annotated[
        int,
        Field(
            ge=1,
            description="Items that fewer users met in training are held back: they enter no vocabulary and are never "
            "answers, since they would tell of who met them (k-anonymity). In validation and test they are items that "
            "training never saw, unless the items table has a row of them. 1: none are.",
        ),
    ] = 1
    session_gap: Annotated[
        float | None,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="Minutes. A longer pause between two events of a user ends a session, and each session is a "
            "sequence of its own: split, windows, repeats, seen items and k-core are then per session, and its user_id "
            "is <user>/<n>, n from 1. Empty: a user's events are one sequence, and user_id stays as it is. A log "
            "without users needs it.",
        ),
    ] = None
    repeats: Annotated[
        Literal["keep", "drop"],
        Field(description="drop: of a user's events with one item only the first is kept. Exact duplicates always go."),
    ] = "keep"
    mask_seen: Annotated[
        bool,
        Field(
            description="Items of a user's past are no candidates, in validation, test, popularity and answers "
            "alike. Then evaluation sequences carry the past beyond the window, too: each label its user's distinct "
            "items, which is much where a split has many labels of users with long pasts."
        ),
    ] = True
    buckets: Annotated[
        int | None,
        Field(
            ge=1,
            description="Parts that users are split into, each worked on in memory at once. The sequences don't "
            "depend on it. Empty: as many as keep a part below 250,000 interactions; but one user's, or one stream's, "
            "are in one part, whatever their number.",
        ),
    ] = None

    @model_validator(mode="after")
    def _overlap_fits(self) -> Options:
        self.overlap_in(self.window)
        return self

    def overlap_in(self, window: int) -> int:
        """Positions that neighbouring windows of this length share, at least 1 and below `window`.

        Raises: ValueError: the configured overlap leaves no room for a new label.
        """
        overlap = max(1, window // 5) if self.overlap is None else self.overlap
        if overlap >= window:
            raise ValueError(f"overlap ({overlap}) must be smaller than the window ({window})")
        return overlap
