"""What a reader hands on: rows as read, and rows that it couldn't even cut into columns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.text_source import MARK

TEXT_LIMIT = 1000  # characters of a rejected row that are kept


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some rows of one file, in its order.

    Args:
        table: [n] all columns of the file; strings from CSV, typed columns from Parquet.
        line: [n] int64, where each row starts; the first line of a text file is 1, the first row of Parquet is 1.
        broken: schemas.records.REJECTED without `file`: rows with another number of columns.
    """

    table: pa.Table
    line: np.ndarray
    broken: pa.Table

    @property
    def rows(self) -> int:
        """How many were read, those that couldn't be cut among them."""
        return self.table.num_rows + self.broken.num_rows


def rejected_table(line: np.ndarray, reason: pa.Array, text: pa.Array) -> pa.Table:
    """[n] rejected rows without their file; marks of undecodable bytes become \\x, long rows are cut."""
    readable = pc.replace_substring(pc.utf8_slice_codeunits(text, 0, TEXT_LIMIT), MARK, "\\x")
    return pa.table({"line": pa.array(line, pa.int64()), "reason": reason, "text": readable})


def row_text(table: pa.Table, delimiter: str = ",") -> pa.Array:
    """[n] string: each row as a CSV file would have it, nulls empty, nested values left out."""
    columns = [_quoted(_shown(column), delimiter) for column in table.columns]
    joined = pc.binary_join_element_wise(*columns, delimiter, null_handling="replace", null_replacement="")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _shown(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    return column.cast(pa.string())


def _quoted(column: pa.ChunkedArray, delimiter: str) -> pa.ChunkedArray:
    special = pc.match_substring_regex(column, f'[{_escaped(delimiter)}"\n\r]')
    if not pc.any(special).as_py():
        return column
    inside = pc.replace_substring(column, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', inside, '"', ""), column)


def _escaped(character: str) -> str:
    return "\\" + character if character in "\\]^-" else character
