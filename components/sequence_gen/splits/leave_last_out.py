"""Each user's last event is a test label, the one before it a validation label, the rest is for training."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import polars as pl
from pydantic import Field

from components.sequence_gen.splits import IS_LABEL, NEW, SPLIT, SplitOptions
from schemas import features as f
from schemas.histories import USER

_FEWEST: Final = 3  # events of a user whose last two are labels


class Options(SplitOptions):
    """It has no knobs."""

    name: Annotated[Literal["leave_last_out"], Field(description="The protocol that papers use.")] = "leave_last_out"

    def advice(self, missing: str) -> str:
        """What to change where a split has nothing in it."""
        return "Give users with three events or more (by span: in the newest span)."


def assign(events: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Adds SPLIT and IS_LABEL.

    A user of one or two events is for training alone: a label without a training event before it would measure
    popularity, and two events give the model one pair to learn from. It does not keep training before test in time:
    another user's training events may be later than this one's test event.

    Args:
        events: users' events in order; a column USER, equal users side by side. With NEW, the last event and the one
            before it are looked for among those that are new, of users with three of them; and an older event that
            came in later than a label stands where that does, for training must end before it.
        options: none.
    Returns: `events` and the two columns.
    """
    if NEW in events.columns:
        return _among_new(events)
    user = pl.col(USER)
    last = (user.shift(-1) != user).fill_null(True)
    test = last & (user.shift(2) == user).fill_null(False)
    valid = test.shift(-1).fill_null(False)
    split = pl.when(test).then(pl.lit(f.TEST)).when(valid).then(pl.lit(f.VALID)).otherwise(pl.lit(f.TRAIN))
    return events.with_columns(split.cast(pl.Enum(f.SEQUENCE_SPLITS)).alias(SPLIT), (test | valid).alias(IS_LABEL))


def _among_new(events: pl.DataFrame) -> pl.DataFrame:
    new = pl.col(NEW)
    left = new.cum_sum(reverse=True).over(USER)  # new events from here on
    enough = new & (new.sum().over(USER) >= _FEWEST)
    valid, test = enough & (left == 2), enough & (left == 1)
    place = pl.when(test).then(2).when(valid).then(1).otherwise(0).cum_max().over(USER)
    split = place.replace_strict(dict(enumerate(f.SEQUENCE_SPLITS)), return_dtype=pl.Enum(f.SEQUENCE_SPLITS))
    return events.with_columns(split.alias(SPLIT), (test | valid).alias(IS_LABEL))
