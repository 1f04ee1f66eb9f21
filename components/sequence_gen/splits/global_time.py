"""Two moments part training from validation and validation from test, for all users alike."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from components.sequence_gen.splits import IS_LABEL, NEW, SPLIT, SplitOptions
from schemas import features as f
from schemas.errors import DataError
from schemas.histories import USER

_MOMENTS: Final = ("valid_from", "test_from")
_DAYS: Final = ("valid_days", "test_days")
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_ADVICE: Final = {
    f.TRAIN: (
        "No event is before validation",
        "lower valid_days or test_days, so that they leave events before them.",
        "move valid_from later.",
    ),
    f.VALID: (
        "No event is in validation",
        "raise valid_days, so that it reaches back to events.",
        "move valid_from earlier, or test_from later.",
    ),
    f.TEST: (
        "No event is in test",
        "raise test_days, so that it reaches back to events.",
        "move test_from earlier, to the newest event or before it.",
    ),
}


class Options(SplitOptions):
    """When validation and test begin."""

    name: Annotated[Literal["global_time"], Field(description="What a team that predicts tomorrow needs.")] = (
        "global_time"
    )
    valid_from: Annotated[
        datetime.datetime | None,
        Field(description="First moment of validation, ISO 8601; events before it train. UTC where no zone is given."),
    ] = None
    test_from: Annotated[
        datetime.datetime | None,
        Field(description="First moment of test; validation ends before it. After valid_from."),
    ] = None
    valid_days: Annotated[
        float | None,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="In place of valid_from and test_from: validation is so many days, right before test.",
        ),
    ] = None
    test_days: Annotated[
        float | None,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="With valid_days: test is the last so many days up to and including the log's newest event.",
        ),
    ] = None
    labels_per_user: Annotated[
        Literal["next", "all"],
        Field(description="next: a user's first event of validation, and of test, is a label. all: each of them is."),
    ] = "next"
    known: Annotated[
        Literal["label", "cutoff"],
        Field(
            description="What the history before a label holds. label: all that came before it, validation and test "
            "included, as where the model is asked at once. cutoff: what came before its split began, for each of the "
            "split's labels, as a nightly job knows it; an item repeats, and is seen, only if it was met by then. With "
            "labels_per_user: next both are the same. With sessions a past is a session's: cutoff leaves hardly any."
        ),
    ] = "label"

    @field_validator("valid_from", "test_from")
    @classmethod
    def _with_zone(cls, moment: datetime.datetime | None) -> datetime.datetime | None:
        if moment is None or moment.tzinfo:
            return moment
        return moment.replace(tzinfo=datetime.timezone.utc)

    @model_validator(mode="after")
    def _one_form(self) -> Options:
        given = [name for name in (*_MOMENTS, *_DAYS) if getattr(self, name) is not None]
        if given not in (list(_MOMENTS), list(_DAYS)):
            raise ValueError(
                f"global_time takes either {' and '.join(_MOMENTS)}, or {' and '.join(_DAYS)}; "
                f"got {', '.join(given) or 'none of them'}"
            )
        if self.valid_from and self.test_from and self.valid_from >= self.test_from:
            raise ValueError(f"valid_from ({self.valid_from}) must be before test_from ({self.test_from})")
        return self

    @property
    def until_split(self) -> bool:
        """Whether a label's past ends where its split begins."""
        return self.known == "cutoff"

    def resolved(self, newest: Callable[[], int]) -> Options:
        """The same rule with two moments.

        Args:
            newest: gives the time of the log's newest event, in milliseconds.
        Raises: DataError: days before the newest event there is no date.
        """
        if self.valid_days is None or self.test_days is None:
            return self
        try:
            # An event exactly test_days before the newest is validation's: test is so long, its last moment included.
            test = _EPOCH + datetime.timedelta(milliseconds=newest() + 1) - datetime.timedelta(days=self.test_days)
            valid = test - datetime.timedelta(days=self.valid_days)
        except OverflowError as error:
            raise DataError(
                f"{self.test_days:g} + {self.valid_days:g} days before the newest event there is no date.",
                where="sequence_gen.split",
                why=f"The newest event's time is {newest():,} ms after 1970.",
                next_step="Look at example_gen.time_format, or give valid_from and test_from.",
            ) from error
        return self.model_copy(update={"valid_from": valid, "test_from": test, "valid_days": None, "test_days": None})

    def advice(self, missing: str) -> str:
        """What to change where a split has nothing in it."""
        days = self.valid_days is not None
        what, of_days, of_moments = _ADVICE[missing]
        return f"{what}: {of_days if days else of_moments}"


def milliseconds(moment: datetime.datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, without the rounding of a float; part of one counts as a whole one.

    So an event is before `moment` exactly if its time is below this.
    """
    return -((_EPOCH - moment) // datetime.timedelta(milliseconds=1))


def assign(events: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Adds SPLIT and IS_LABEL. An event exactly at a moment belongs to the later split.

    An event that isn't NEW, where that is told, is in the split of its time like any other, but is no label.

    Args:
        events: users' events in order of time; columns USER (equal users side by side) and timestamp (int64,
            milliseconds); and NEW or not.
        options: the two moments, and which events are labels; resolved.
    Returns: `events` and the two columns.
    """
    if options.valid_from is None or options.test_from is None:
        raise ValueError("valid_days and test_days must be resolved into moments before events are assigned")
    time = pl.col(f.TIMESTAMP)
    split = (
        pl.when(time >= milliseconds(options.test_from))
        .then(pl.lit(f.TEST))
        .when(time >= milliseconds(options.valid_from))
        .then(pl.lit(f.VALID))
        .otherwise(pl.lit(f.TRAIN))
        .cast(pl.Enum(f.SEQUENCE_SPLITS))
    )
    events = events.with_columns(split.alias(SPLIT))
    held_out = pl.col(SPLIT) != f.TRAIN
    if NEW in events.columns:
        held_out &= pl.col(NEW)
    if options.labels_per_user == "all":
        return events.with_columns(held_out.alias(IS_LABEL))
    if NEW in events.columns:
        return events.with_columns((held_out & (pl.col(NEW).cum_sum().over(USER, SPLIT) == 1)).alias(IS_LABEL))
    first = ((pl.col(SPLIT) != pl.col(SPLIT).shift(1)) | (pl.col(USER) != pl.col(USER).shift(1))).fill_null(True)
    return events.with_columns((held_out & first).alias(IS_LABEL))
