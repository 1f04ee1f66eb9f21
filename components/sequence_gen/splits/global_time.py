"""Two moments part training from validation and validation from test, for all users alike."""

from __future__ import annotations

import datetime
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from components.sequence_gen.splits import IS_LABEL, SPLIT, USER, SplitOptions
from schemas import features as f

_MOMENTS: Final = ("valid_from", "test_from")
_DAYS: Final = ("valid_days", "test_days")


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
            "labels_per_user: next both are the same."
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


def milliseconds(moment: datetime.datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, without the rounding of a float."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (moment - epoch) // datetime.timedelta(milliseconds=1)


def assign(events: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Adds SPLIT and IS_LABEL.

    Args:
        events: users' events in order of time; columns USER (equal users side by side) and timestamp (int64,
            milliseconds).
        options: the two moments, and which events are labels.
    Returns: `events` and the two columns.
    """
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
    if options.labels_per_user == "all":
        return events.with_columns(held_out.alias(IS_LABEL))
    first = ((pl.col(SPLIT) != pl.col(SPLIT).shift(1)) | (pl.col(USER) != pl.col(USER).shift(1))).fill_null(True)
    return events.with_columns((held_out & first).alias(IS_LABEL))
