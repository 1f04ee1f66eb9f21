"""Knobs of InteractionExampleGen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

TimeFormat = Literal["seconds", "milliseconds", "iso8601"]


class Columns(BaseModel):
    """Which column of the files holds what. A rating, weight or order that is named must be there in every row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Annotated[str, Field(description="who; text or whole numbers", min_length=1)] = "user_id"
    item: Annotated[str, Field(description="what; text or whole numbers", min_length=1)] = "item_id"
    timestamp: Annotated[str, Field(description="when; see time_format", min_length=1)] = "timestamp"
    rating: Annotated[str | None, Field(description="a number: how well it was liked")] = None
    weight: Annotated[str | None, Field(description="a number, 0 or more: how much it counts in the loss")] = None
    order: Annotated[str | None, Field(description="a whole number: the true order of events of one time")] = None
    context: Annotated[tuple[str, ...], Field(description="columns of text that go along with each event")] = ()

    def used(self) -> tuple[str, ...]:
        """Names of the columns that are read, each once, in the order above."""
        named = (self.user, self.item, self.timestamp, self.rating, self.weight, self.order, *self.context)
        return tuple(dict.fromkeys(name for name in named if name))


class Options(BaseModel):
    """What to read, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Annotated[
        tuple[str, ...],
        Field(
            description="files or globs, on any file system that Beam knows; .parquet is read as Parquet, anything "
            "else as CSV (.gz: compressed)",
            min_length=1,
        ),
    ]
    columns: Annotated[Columns, Field(description="which column of the files holds what")] = Columns()
    time_format: Annotated[
        TimeFormat,
        Field(
            description="seconds (fractions too) or milliseconds since 1970, or ISO 8601 (UTC where it has no zone). "
            "A Parquet column of a timestamp type says it itself"
        ),
    ] = "seconds"
    delimiter: Annotated[str, Field(description="between a CSV file's columns", min_length=1, max_length=1)] = ","
    quote: Annotated[
        str,
        Field(description='around CSV values with delimiters or line breaks; "": quotes mean nothing', max_length=1),
    ] = '"'
    column_names: Annotated[
        tuple[str, ...], Field(description="names of all columns of CSV files that have no header line")
    ] = ()
    tie_seed: Annotated[int, Field(description="seed of the hash that orders events of one user and one time")] = 0

    @model_validator(mode="after")
    def _distinct(self) -> Options:
        if len(set(self.column_names)) < len(self.column_names):
            raise ValueError("column_names has a name twice")
        if len(set(self.columns.context)) < len(self.columns.context):
            raise ValueError("columns.context has a name twice")
        return self
