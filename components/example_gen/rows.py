"""What a check of rows needs, whatever the rows are: columns as plain arrays, faults, and rejected rows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.batches import rejected_table, row_text
from components.example_gen.text_source import MARK, as_text
from schemas.pseudonyms import REDACTED
from schemas.records import REJECTED

if TYPE_CHECKING:
    from components.example_gen.batches import Batch
    from schemas.forgotten import Forgotten


def plain(column: pa.ChunkedArray) -> pa.Array:
    """One array, strings as `string`, dictionaries decoded."""
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return as_text(array)
    return array.cast(pa.string()) if pa.types.is_large_string(array.type) else array


@dataclasses.dataclass
class Faults:
    """code [n] int16: 0, or 1 + the index of the row's first fault in `reasons`."""

    code: np.ndarray
    reasons: list[str]

    @property
    def found(self) -> bool:
        return bool(self.reasons)

    @classmethod
    def none(cls, rows: int) -> Faults:
        """No row has one yet."""
        return cls(np.zeros(rows, np.int16), [])

    def add(self, bad: np.ndarray, reason: str) -> None:
        """[n] bool: rows that have this fault; an earlier one of a row stays its reason."""
        if bad.any():
            self.reasons.append(reason)
            self.code[(self.code == 0) & bad] = len(self.reasons)


def one(table: pa.Table, name: str) -> pa.Array:
    """A column as one array."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def check_text(column: pa.Array, name: str, faults: Faults) -> None:
    """Notes texts in which a byte isn't UTF-8."""
    if pa.types.is_string(column.type) and may_hold(column, MARK.encode()[0]):
        faults.add(matches(pc.match_substring(column, MARK)), f"{name} isn't text in UTF-8")


def matches(found: pa.Array) -> np.ndarray:
    """[n] bool, false where it is null."""
    return found.fill_null(False).to_numpy(zero_copy_only=False)


def may_hold(column: pa.Array, byte: int) -> bool:
    """Whether the byte is among the texts' bytes: far quicker than to look into each text, and mostly it isn't."""
    _, offsets, data = column.buffers()
    if data is None or len(column) == 0:
        return False
    ends = np.frombuffer(offsets, np.int32)[[column.offset, column.offset + len(column)]]
    return bool((np.frombuffer(data, np.uint8)[ends[0] : ends[1]] == byte).any())


def missing(column: pa.Array) -> np.ndarray:
    """[n] bool: null or an empty text."""
    if not pa.types.is_string(column.type):
        return pc.is_null(column).to_numpy(zero_copy_only=False)
    return pc.equal(pc.binary_length(column), 0).fill_null(True).to_numpy(zero_copy_only=False)


def ids(column: pa.Array, name: str, faults: Faults) -> pa.Array:
    """Ids as text; notes those that are missing or that no vocabulary can hold."""
    faults.add(missing(column), f"{name} is missing")
    if pa.types.is_string(column.type) and any(may_hold(column, byte) for byte in b"\n\r"):
        # Vocabularies are text files of one id a line.
        faults.add(matches(pc.match_substring_regex(column, "[\n\r]")), f"{name} has a line break")
    return column.cast(pa.string())


def leave_out(users: pa.Array, forgotten: Forgotten, faults: Faults) -> np.ndarray:
    """[n] bool: rows that stay. Those of users who are forgotten have no fault any more, so that nothing keeps them."""
    stay = ~matches(forgotten.among(users))
    faults.code[~stay] = 0
    return stay


def rejected_rows(batch: Batch, faults: Faults, delimiter: str, hidden: str | None = None) -> pa.Table:
    """The rows with a fault, and those that the reader couldn't cut, in the file's order, without their file.

    Args:
        hidden: a column whose values must not be shown; of rows that couldn't be cut nothing is then. None: none.
    """
    broken = redacted(batch.broken, hidden)
    if not faults.found:
        return broken
    bad = np.flatnonzero(faults.code)
    reason = pa.array(faults.reasons).take(pa.array(faults.code[bad] - 1))
    shown = batch.table.take(pa.array(bad))
    for at in (n for n, name in enumerate(shown.column_names) if name == hidden):
        shown = shown.set_column(at, hidden, repeated(REDACTED, len(bad)))
    rejected = rejected_table(batch.line[bad], reason, row_text(shown, delimiter))
    both = pa.concat_tables([broken, rejected])
    return both.take(pc.sort_indices(both, sort_keys=[("line", "ascending")]))


def without_names(broken: pa.Table, forgotten: Forgotten) -> pa.Table:
    """Rows that couldn't be cut into columns, without the texts that hold what a forgotten user is called."""
    at = broken.column_names.index("text")
    texts = broken.column(at)
    named = pl.Series(texts).cast(pl.String).str.contains_any(forgotten.names).fill_null(False)
    hidden = pa.array(named.to_numpy(), pa.bool_())
    return broken.set_column(at, "text", pc.if_else(hidden, REDACTED, texts.cast(pa.string())))


def redacted(broken: pa.Table, hidden: object) -> pa.Table:
    """Rows that couldn't be cut into columns, without their text where anything is hidden: nobody knows where it is."""
    if not hidden:
        return broken
    at = broken.column_names.index("text")
    return broken.set_column(at, "text", repeated(REDACTED, broken.num_rows))


def with_file(rejected: pa.Table, file: str) -> pa.Table:
    """Rejected rows as schemas.records.REJECTED."""
    return rejected.add_column(0, "file", repeated(file, rejected.num_rows)).cast(REJECTED)


def repeated(text: str, n: int) -> pa.Array:
    """[n] string."""
    return pa.array([text]).take(pa.array(np.zeros(n, np.int8)))
