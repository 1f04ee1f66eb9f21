"""Knobs of InteractionExampleGen."""

from __future__ import annotations

import datetime
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.example_gen import spans as by_span
from schemas.keys import KeyOptions

TimeFormat = Literal["seconds", "milliseconds", "iso8601"]
Decimal = Literal[".", ","]
Role = Literal["id", "number", "time", "text", "values"]  # what a column may hold; values: one or several of a cell
SEPARATOR = ";"  # between files and globs, where they are one string
_LARGEST = 3.4e38  # a float32 holds no more


class Columns(BaseModel):
    """Which column of the files holds what. What is named, but for context, must be there in every row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Annotated[
        str | None,
        Field(
            description="who; text or whole numbers. null: the log doesn't say, so each file is one stream of events, "
            "under its name without folder and suffixes; sequence_gen.session_gap cuts it",
            min_length=1,
        ),
    ] = "user_id"
    item: Annotated[str, Field(description="what; text or whole numbers", min_length=1)] = "item_id"
    timestamp: Annotated[str, Field(description="when; see time_format", min_length=1)] = "timestamp"
    rating: Annotated[str | None, Field(description="a number: how well it was liked")] = None
    weight: Annotated[str | None, Field(description="a number, 0 or more: how much it counts in the loss")] = None
    event: Annotated[
        str | None, Field(description="a word that says how much it counts, see event_weights; in place of weight")
    ] = None
    order: Annotated[str | None, Field(description="a whole number: the true order of events of one time")] = None
    context: Annotated[
        tuple[str, ...],
        Field(description="columns of text that go along with each event as inputs of the model; event may be one"),
    ] = ()

    @property
    def weighted(self) -> bool:
        """Whether each event has a weight (schemas.features.WEIGHT)."""
        return bool(self.weight or self.event)

    def used(self) -> tuple[str, ...]:
        """Names of the columns that are read, each once, in the order above."""
        named = (self.user, self.item, self.timestamp, self.rating, self.weight, self.event, self.order)
        return tuple(dict.fromkeys(name for name in (*named, *self.context) if name))

    def roles(self) -> dict[str, Role]:
        """What each column that is read must hold; of a column with two uses, the stricter."""
        roles: dict[str, Role] = dict.fromkeys(self.context, "text")
        roles.update({name: "number" for name in (self.rating, self.weight, self.order) if name})
        roles.update({name: "id" for name in (self.user, self.item, self.event) if name})
        return {**roles, self.timestamp: "time"}

    @model_validator(mode="after")
    def _distinct(self) -> Columns:
        if len(set(self.context)) < len(self.context):
            raise ValueError("context has a name twice")
        if self.weight and self.event:
            raise ValueError("weight and event exclude each other: both say how much an event counts")
        return self


class Options(BaseModel):
    """What to read, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: ClassVar[str] = "example_gen"  # of the configuration

    data: Annotated[
        tuple[str, ...],
        Field(
            description="files or globs, on any file system that Beam knows, and on minio://; .parquet is read as "
            "Parquet, anything else as CSV (.gz: compressed). With `spans` each holds {SPAN}, a whole number, or "
            "{YYYY}, {MM} and {DD}",
            min_length=1,
        ),
    ]
    spans: Annotated[
        by_span.Spans | None,
        Field(
            description="the log comes span by span, each in files of its own, as their names say: the newest spans "
            "are read, looked for in each run. null: every file that matches is read"
        ),
    ] = None
    columns: Annotated[Columns, Field(description="which column of the files holds what")] = Columns()
    time_format: Annotated[
        TimeFormat,
        Field(
            description="seconds (fractions too) or milliseconds since 1970, or ISO 8601 (UTC where it has no zone). "
            "A Parquet column of a timestamp type says it itself"
        ),
    ] = "seconds"
    latest: Annotated[
        datetime.datetime | None,
        Field(
            description="rows later than this are set aside (UTC where it has no zone); null: those later than a day "
            "after the moment of reading"
        ),
    ] = None
    event_weights: Annotated[
        dict[
            Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)],
            Annotated[float, Field(ge=0, le=_LARGEST, allow_inf_nan=False)],
        ],
        Field(
            description="how much a row counts in the loss, by its word in columns.event: 0 or more; rows with another "
            "word are set aside. A row of 0 is never learnt as what comes next; it is in histories and counts, and in "
            "the metrics a label like any other",
        ),
    ] = {}
    delimiter: Annotated[str, Field(description="between a CSV file's columns", min_length=1, max_length=1)] = ","
    quote: Annotated[
        str,
        Field(description='around CSV values with delimiters or line breaks; "": quotes mean nothing', max_length=1),
    ] = '"'
    decimal: Annotated[
        Literal[".", ","], Field(description="between a number's whole part and its fraction, in text")
    ] = "."
    column_names: Annotated[
        tuple[str, ...], Field(description="names of all columns of CSV files that have no header line")
    ] = ()
    tie_seed: Annotated[int, Field(description="seed of the hash that orders events of one user and one time")] = 0
    pseudonyms: Annotated[
        KeyOptions | None,
        Field(
            description="users are called by a keyed hash of their ids, and rejected rows don't show who they are of; "
            "null: ids are as they are"
        ),
    ] = None
    encryption: Annotated[
        KeyOptions | None,
        Field(
            description="rejected rows are encrypted with this key, and no message shows any; `seqrank decrypt` reads "
            "them. null: they lie in the clear"
        ),
    ] = None
    forgotten: Annotated[
        str | None,
        Field(
            description="file or URL of a list of users whose rows are left out, of the users table too; `seqrank "
            "forget` adds to it. null: forgotten.txt in the output root, where there is one"
        ),
    ] = None

    @model_validator(mode="after")
    def _distinct(self) -> Options:
        if len(set(self.column_names)) < len(self.column_names):
            raise ValueError("column_names has a name twice")
        return self

    @model_validator(mode="after")
    def _nameable(self) -> Options:
        if self.pseudonyms and self.columns.user is None:
            raise ValueError(
                "pseudonyms needs columns.user: files that are called by their users would tell who they are"
            )
        return self

    @model_validator(mode="after")
    def _separable(self) -> Options:
        if any(SEPARATOR in pattern for pattern in self.data):
            raise ValueError(f"a file's name can't hold '{SEPARATOR}', which stands between several of them")
        return self

    @model_validator(mode="after")
    def _by_span(self) -> Options:
        wrong = by_span.problem(self.data, wanted=self.spans is not None)
        if wrong:
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _events(self) -> Options:
        if self.event_weights and not self.columns.event:
            raise ValueError("event_weights needs columns.event: the column that holds the words")
        if self.columns.event and not self.event_weights:
            raise ValueError("columns.event needs event_weights: which words there are, and how much each counts")
        return self

    @property
    def weighted(self) -> bool:
        """Whether each event has a weight (schemas.features.WEIGHT)."""
        return self.columns.weighted

    @property
    def streams(self) -> bool:
        """Whether a file's name says whose its events are."""
        return self.columns.user is None


class Named(Protocol):
    """Which columns there must be."""

    def used(self) -> tuple[str, ...]: ...

    def roles(self) -> dict[str, Role]: ...


class Readable(Protocol):
    """What the readers ask of the options of a log, or of a table."""

    key: ClassVar[str]

    @property
    def data(self) -> tuple[str, ...]: ...

    @property
    def columns(self) -> Named: ...

    @property
    def delimiter(self) -> str: ...

    @property
    def quote(self) -> str: ...

    @property
    def column_names(self) -> tuple[str, ...]: ...

    @property
    def streams(self) -> bool: ...

    @property
    def spans(self) -> by_span.Spans | None: ...
