"""Knobs of TableExampleGen: a table of items, and one of users."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.example_gen import spans as by_span
from components.example_gen.options import Role, TimeFormat
from schemas import features as f
from schemas.keys import KeyOptions

Kind = Literal["items", "users"]
Meaning = Literal["title", "time", "categories", "number", "words"]


_TYPES: dict[Meaning, str] = {
    "title": "BYTES",
    "time": "INT",
    "categories": "BYTES",
    "number": "FLOAT",
    "words": "BYTES",
}
_ROLES: dict[Meaning, Role] = {
    "title": "text",
    "time": "time",
    "categories": "values",
    "number": "number",
    "words": "values",
}


class Feature(NamedTuple):
    """One column that a table has beside the id.

    Args:
        name: in the stage's output, as schemas.features has it.
        column: in the file.
        meaning: how its cells are read.
    """

    name: str
    column: str
    meaning: Meaning


class UserColumns(BaseModel):
    """Which column of the users' file holds what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(description="who, as the log has it", min_length=1)] = f.USER_ID
    categories: Annotated[
        tuple[str, ...], Field(description="columns of text that users have in common, such as a group or a country")
    ] = ()

    def features(self) -> tuple[Feature, ...]:
        """What the table has beside the id, in the order of the output."""
        return tuple(Feature(f.FEATURE_PREFIX + name, name, "categories") for name in self.categories)

    def schema_features(self) -> list[str]:
        """The same by name and type, as CuratedSchema's `optional` asks for them."""
        return [f"{feature.name}:{_TYPES[feature.meaning]}" for feature in self.features()]

    def used(self) -> tuple[str, ...]:
        """Names of the file's columns that are read, each once."""
        return tuple(dict.fromkeys([self.id, *(feature.column for feature in self.features())]))

    def roles(self) -> dict[str, Role]:
        """What each column that is read must hold."""
        return {**{feature.column: _ROLES[feature.meaning] for feature in self.features()}, self.id: "id"}

    @model_validator(mode="after")
    def _distinct(self):
        names = [feature.name for feature in self.features()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"column '{twice.removeprefix(f.FEATURE_PREFIX)}' is named twice")
        return self


class ItemColumns(UserColumns):
    """Which column of the items' file holds what."""

    id: Annotated[str, Field(description="what, as the log has it", min_length=1)] = f.ITEM_ID
    title: Annotated[
        str | None, Field(description="what people read; no input of the model, unless `text` names it, too")
    ] = None
    published: Annotated[
        str | None, Field(description="when it appeared, see time_format; before that it isn't recommended")
    ] = None
    categories: Annotated[
        tuple[str, ...], Field(description="columns of text that items have in common, such as a category or genres")
    ] = ()
    numbers: Annotated[tuple[str, ...], Field(description="columns of numbers, such as a price")] = ()
    text: Annotated[
        tuple[str, ...],
        Field(description="columns of which each word counts, lower-cased, the first 16 of a cell, each once"),
    ] = ()

    def features(self) -> tuple[Feature, ...]:
        """What the table has beside the id, in the order of the output."""
        return (
            *((Feature(f.TITLE, self.title, "title"),) if self.title else ()),
            *((Feature(f.PUBLISHED, self.published, "time"),) if self.published else ()),
            *(Feature(f.FEATURE_PREFIX + name, name, "categories") for name in self.categories),
            *(Feature(f.FEATURE_PREFIX + name, name, "number") for name in self.numbers),
            *(Feature(f.FEATURE_PREFIX + name, name, "words") for name in self.text),
        )


class UserTableOptions(BaseModel):
    """Where the users table is, and how it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[Kind] = "users"
    key: ClassVar[str] = "users"  # of the configuration
    streams: ClassVar[bool] = False  # a file's name says nothing
    spans: ClassVar[by_span.Spans | None] = None  # a table is read whole
    output_id: ClassVar[str] = f.USER_ID

    data: Annotated[
        tuple[str, ...],
        Field(description="files or globs, as example_gen.data; all of them together are one table", min_length=1),
    ]
    columns: Annotated[UserColumns, Field(description="which column of the files holds what")] = UserColumns()
    separator: Annotated[
        str, Field(description='between several values in one cell of categories; "": a cell is one value')
    ] = "|"
    delimiter: Annotated[str, Field(description="between a CSV file's columns", min_length=1, max_length=1)] = ","
    quote: Annotated[
        str,
        Field(description='around CSV values with delimiters or line breaks; "": quotes mean nothing', max_length=1),
    ] = '"'
    column_names: Annotated[
        tuple[str, ...], Field(description="names of all columns of CSV files that have no header line")
    ] = ()
    pseudonyms: Annotated[
        KeyOptions | None,
        Field(description="as example_gen.pseudonyms, word for word, so that users stay theirs"),
    ] = None
    encryption: Annotated[
        KeyOptions | None, Field(description="of rejected rows, as example_gen.encryption; null: they lie in the clear")
    ] = None
    forgotten: Annotated[str | None, Field(description="taken from example_gen.forgotten")] = None

    @model_validator(mode="after")
    def _distinct(self):
        if len(set(self.column_names)) < len(self.column_names):
            raise ValueError("column_names has a name twice")
        return self

    @model_validator(mode="after")
    def _whole(self):
        wrong = next(filter(by_span.by_span, self.data), None)
        if wrong:
            raise ValueError(f"'{wrong}': a table isn't read by span; name its newest file, or all of them")
        return self


class ItemTableOptions(UserTableOptions):
    """Where the items table is, and how it is read."""

    kind: ClassVar[Kind] = "items"
    key: ClassVar[str] = "items"
    output_id: ClassVar[str] = f.ITEM_ID

    pseudonyms: Annotated[None, Field(description="items have none")] = None
    forgotten: Annotated[None, Field(description="no item is")] = None
    columns: Annotated[ItemColumns, Field(description="which column of the files holds what")] = ItemColumns()
    time_format: Annotated[TimeFormat, Field(description="of times; see example_gen.time_format")] = "seconds"
    decimal: Annotated[Literal[".", ","], Field(description="between a number's whole part and its fraction")] = "."


TableOptions = UserTableOptions  # what the code that reads either asks for


def parse(kind: Kind, options: str) -> TableOptions:
    """The options of a stage, from their JSON."""
    return (ItemTableOptions if kind == "items" else UserTableOptions).model_validate_json(options)
