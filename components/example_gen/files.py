"""Reads a file by its kind, and checks before anything runs that each file has what the configuration names."""

from __future__ import annotations

import collections
import difflib
import re
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from components.example_gen import inputs, read_csv, read_parquet
from components.example_gen.options import Role
from schemas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from components.example_gen.batches import Batch
    from components.example_gen.options import Readable


def batches(name: str, options: Readable) -> Iterator[Batch]:
    """All rows of a file; see read_csv.batches and read_parquet.batches.

    Raises: DataError: it can't be opened, or read to its end.
    """
    try:
        yield from read_parquet.batches(name) if _is_parquet(name) else read_csv.batches(name, options)
    except OSError as error:
        raise DataError(
            "the file can't be opened.", where=name, why=str(error), next_step="see that it is there, and run again."
        ) from error


def validate(files: Sequence[inputs.InputFile], options: Readable) -> None:
    """Looks at each file's first lines, or Parquet's footer.

    Raises: DataError: a file can't be opened, lacks a column, or has it twice or of an impossible type; or no file
        has a row.
    """
    filled = [_validate(file.name, options) for file in files]
    if not any(filled):
        raise DataError(
            "there is a header, and no row." if len(files) == 1 else "no file has a row.",
            where=files[0].name,
            next_step=f"give files with rows ({options.key}.data).",
        )


def _is_parquet(name: str) -> bool:
    return name.endswith((".parquet", ".pq"))


def _validate(name: str, options: Readable) -> bool:
    if options.streams:
        _check_stream(name)
    try:
        if _is_parquet(name):
            schema, rows = read_parquet.schema(name)
            _check_names(name, schema.names, options)
            _check_types(name, schema, options)
            return rows > 0
        _check_names(name, read_csv.columns(name, options), options)
        return read_csv.has_rows(name, options)
    except (OSError, EOFError) as error:
        raise DataError(
            "the file can't be opened.",
            where=name,
            why=str(error),
            next_step="see that it is complete, and that this user may read it.",
        ) from error


def _check_stream(name: str) -> None:
    if _NO_ID.search(inputs.stream(name)):
        raise DataError(
            "the file's name can't be a user's.",
            where=repr(name),
            why="without example_gen.columns.user a file's name says whose its events are.",
            next_step="rename the file.",
        )


def _check_names(name: str, found: list[str], options: Readable) -> None:
    if not found:
        raise DataError(
            "there is no header: the first line is blank.",
            where=name,
            next_step=f"take away what is before the header, or name the columns: {options.key}.column_names.",
        )
    times = collections.Counter(found)
    missing = [column for column in options.columns.used() if not times[column]]
    if missing:
        close = [f"'{m}' looks like '{c[0]}'" for m in missing if (c := difflib.get_close_matches(m, found, 1, 0.5))]
        shown = ", ".join(repr(column)[:40] for column in found[:20]) + (", …" if len(found) > 20 else "")
        raise DataError(
            f"no column {' and no column '.join(map(repr, missing))}.",
            where=name,
            why="\n".join([f"the columns are {shown}.", *close]),
            next_step=f"name the file's columns under {options.key}.columns (and its {options.key}.delimiter).",
        )
    twice = [column for column in options.columns.used() if times[column] > 1]
    if twice:
        raise DataError(
            f"column '{twice[0]}' is there {times[twice[0]]} times.",
            where=name,
            next_step="rename one of them in the file.",
        )


def _check_types(name: str, schema: pa.Schema, options: Readable) -> None:
    for column, role in options.columns.roles().items():
        kinds, meaning = _ROLES[role]
        kind = schema.field(column).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if role == "values" and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
            kind = kind.value_type
        if not any(is_kind(kind) for is_kind in kinds):
            raise DataError(
                f"column '{column}' has the type {kind}; it must be {meaning}.",
                where=name,
                next_step="write the column with another type.",
            )


_NO_ID = re.compile("[\n\r\ud800-\udfff]")  # line breaks, and bytes of a name that aren't UTF-8
_Wanted: TypeAlias = "tuple[tuple[Callable[[pa.DataType], bool], ...], str]"
_STRINGS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
_NUMBERS = (*_STRINGS, pa.types.is_integer, pa.types.is_floating)
_ROLES: dict[Role, _Wanted] = {
    "id": ((*_STRINGS, pa.types.is_integer), "text or whole numbers"),
    "number": (_NUMBERS, "numbers, or text that shows them"),
    "time": ((*_NUMBERS, pa.types.is_timestamp, pa.types.is_date), "times, numbers or text"),
    "text": ((*_NUMBERS, pa.types.is_boolean), "text or plain numbers"),
    "values": ((*_NUMBERS, pa.types.is_boolean), "text or plain numbers, or lists of them"),
}
