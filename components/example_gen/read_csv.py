"""A CSV file in batches of Arrow columns of strings, with the line that each row starts on."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from components.example_gen.batches import TEXT_LIMIT, Batch, rejected_table
from components.example_gen.text_source import MARK, TextSource, open_bytes
from schemas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.example_gen.options import Readable

BLOCK = 8 << 20  # bytes of text at a time; no row may be longer
_HEADER_LIMIT = 1 << 20
_LINE_END = re.compile("\r\n|\n|\r")


class _Start(NamedTuple):
    """What a file begins with.

    Args:
        names: of its columns.
        lines: that the header takes.
        rest: some of the text behind it.
        failed: the file breaks off in that text.
    """

    names: list[str]
    lines: int
    rest: str
    failed: bool


def columns(name: str, options: Readable) -> list[str]:
    """Names of a CSV file's columns.

    Raises: DataError: the first line isn't text.
    """
    return list(options.column_names) or _start(name, options).names


def has_rows(name: str, options: Readable) -> bool:
    """Whether anything but blank lines follows the header, or would if the file didn't break off."""
    start = _start(name, options)
    return start.failed or bool(start.rest.strip(f"\r\n {options.delimiter}"))


def _start(name: str, options: Readable) -> _Start:
    source = TextSource(open_bytes(name), options.quote)
    try:
        read = source.read(_HEADER_LIMIT)
    except (OSError, EOFError):
        if not source.lines:
            raise
        read = source.rest  # `batches` will say where the file breaks off
    finally:
        source.close()
    text = read.decode("utf-8", "ignore").removeprefix("\ufeff")
    if options.column_names:
        return _Start(list(options.column_names), 0, text, source.failed)
    line = _LINE_END.split(text, 1)[0]
    lines = io.StringIO(text, newline="")
    quoting: dict[str, Any] = {"quotechar": options.quote} if options.quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(lines, delimiter=options.delimiter, **quoting)
    try:
        names = next(reader, []) if MARK not in line else None
    except csv.Error:
        names = None
    if names is None:
        shown = line[:60].replace(MARK, "\\x").encode("unicode_escape").decode()
        raise DataError(
            "the first line isn't text in UTF-8.",
            where=f"{name}:1",
            why=f"it begins with {shown}",
            next_step="give a CSV file with a header line (.csv, .csv.gz), or Parquet (.parquet).",
        )
    return _Start(names, reader.line_num, lines.read(), source.failed)


def batches(name: str, options: Readable) -> Iterator[Batch]:
    """Reads a file block by block; a blank line, or one of nothing but delimiters, is no row.

    Raises: DataError: the file breaks off, or a quote in it never closes; it says how many lines were read.
    """
    source = TextSource(open_bytes(name), options.quote)
    start = _start(name, options)
    rows = _Rows(1 if options.column_names else 2, 1 + start.lines)
    try:
        reader = _open(source, start.names, rows, options)
        for block in reader:
            yield rows.place(pa.Table.from_batches([block]), source)
        yield rows.place(None, source)
    except (pa.ArrowInvalid, OSError, EOFError) as error:
        raise _unreadable(name, source, rows, error) from error
    finally:
        source.close()
    _check_all_read(name, rows, source)


def _unreadable(name: str, source: TextSource, rows: _Rows, error: Exception) -> DataError:
    """Either the file broke off, or Arrow couldn't make rows of its text."""
    doubt = "" if source.failed else " and that its quotes close (example_gen.quote: '' if they mean nothing)"
    return DataError(
        f"the file can't be read past line {source.lines if source.failed else rows.line - 1:,}.",
        where=name,
        why=str(error),
        next_step=f"see that the file is complete{doubt}.",
    )


def _open(source: TextSource, names: list[str], rows: _Rows, options: Readable) -> pc_csv.CSVStreamingReader:
    return pc_csv.open_csv(
        pa.PythonFile(source, "r"),
        # Without threads Arrow says which row an invalid one is.
        read_options=pc_csv.ReadOptions(block_size=BLOCK, use_threads=False, column_names=options.column_names or None),
        parse_options=pc_csv.ParseOptions(
            delimiter=options.delimiter,
            quote_char=options.quote or False,
            newlines_in_values=bool(options.quote),
            ignore_empty_lines=False,
            invalid_row_handler=rows.set_aside,
        ),
        convert_options=pc_csv.ConvertOptions(
            column_types={name: pa.string() for name in names}, check_utf8=False, strings_can_be_null=False
        ),
    )


def _check_all_read(name: str, rows: _Rows, source: TextSource) -> None:
    """Arrow takes the end of a file for the end of a quote, so that millions of lines could end up in one value."""
    there = source.lines + source.unfinished
    swallowed = rows.line <= there
    in_last_row = source.quotes % 2 == 1 and rows.line - rows.last_start > 1
    if swallowed or in_last_row:
        start = rows.line if swallowed else rows.last_start
        raise DataError(
            "a quote opens here and never closes.",
            where=f"{name}:{start}",
            why=f"the file goes on to line {there:,}, all of it inside that quote.",
            next_step="mend the line, or set example_gen.quote: '' if quotes mean nothing in this file.",
        )


class _Rows:
    """Counts rows and lines while a file is read, since Arrow's numbers leave out line breaks inside quotes."""

    def __init__(self, first_row: int, first_line: int) -> None:
        self.row = first_row  # Arrow's number of the next row; the header is its row 1
        self.line = self.last_start = first_line
        self._invalid: list[tuple[int, str, list[str]]] = []  # row, reason, its lines

    def set_aside(self, row: pc_csv.InvalidRow) -> str:
        """Arrow calls this for each row with another number of columns than the header."""
        reason = f"{_counted(row.actual_columns)} where the header has {row.expected_columns}"
        self._invalid.append((row.number, reason, _LINE_END.split(row.text)))
        return "skip"

    def place(self, table: pa.Table | None, source: TextSource) -> Batch:
        """Finds the lines of the next rows; None: the file's end, when only invalid rows can be left."""
        n = table.num_rows if table is not None else 0
        invalid = np.array([row[0] for row in self._invalid], np.int64) - self.row
        # How many valid rows stand before each invalid one tells which of them belong to this batch.
        taken = np.searchsorted(invalid - np.arange(len(invalid)), n, "left") if table is not None else len(invalid)
        broken, self._invalid = self._invalid[:taken], self._invalid[taken:]
        heights = np.ones(n + taken, np.int64)
        is_valid = np.ones(n + taken, bool)
        is_valid[invalid[:taken]] = False
        heights[invalid[:taken]] = np.array([len(row[2]) for row in broken], np.int64)
        if table is not None and source.quotes:
            heights[is_valid] += _breaks_inside(table)
        ends = self.line + np.cumsum(heights)
        starts = ends - heights
        if len(ends):
            self.row, self.line, self.last_start = self.row + n + int(taken), int(ends[-1]), int(starts[-1])
        aside = _by_line(starts[~is_valid], broken)
        return (
            Batch(pa.table({}), starts[:0], aside) if table is None else _without_blank(table, starts[is_valid], aside)
        )


def _without_blank(table: pa.Table, line: np.ndarray, aside: pa.Table) -> Batch:
    filled = np.zeros(table.num_rows, bool)
    for column in table.columns:
        filled |= pc.not_equal(column, "").to_numpy()
        if filled.all():
            return Batch(table, line, aside)
    return Batch(table.filter(pa.array(filled)), line[filled], aside)


def _breaks_inside(table: pa.Table) -> np.ndarray:
    """[n] int64: line breaks inside the values of each row."""
    total = np.zeros(table.num_rows, np.int64)
    for column in table.columns:
        total += pc.count_substring(column, "\n").to_numpy()
        if pc.any(pc.match_substring(column, "\r")).as_py():
            total += pc.count_substring(column, "\r").to_numpy() - pc.count_substring(column, "\r\n").to_numpy()
    return total


def _by_line(start: np.ndarray, broken: list[tuple[int, str, list[str]]]) -> pa.Table:
    """A quote too many makes one row of several lines: each is counted, or the loss would look small."""
    flat = [
        (int(first) + i, reason, text[: TEXT_LIMIT + 1])
        for first, (_, reason, lines) in zip(start, broken, strict=True)
        for i, text in enumerate(lines)
    ]
    line, reason, text = zip(*flat, strict=True) if flat else ((), (), ())
    return rejected_table(np.array(line, np.int64), pa.array(reason, pa.string()), pa.array(text, pa.string()))


def _counted(columns_: int) -> str:
    return "1 column" if columns_ == 1 else f"{columns_} columns"
