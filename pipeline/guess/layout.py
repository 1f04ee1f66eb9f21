"""The format of a file, from its first megabytes: kind, delimiter, quote, decimal sign, header, encoding."""

from __future__ import annotations

import csv
import dataclasses
import re
import zlib
from typing import TYPE_CHECKING, Final

import polars as pl

from pipeline.guess import names
from schemas import stores
from schemas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD_BYTES: Final = 4 << 20  # of text, decompressed
HEAD_ROWS: Final = 100_000  # of Parquet
_LINES: Final = 200  # that decide delimiter, quote and header
_DELIMITERS: Final = (",", "\t", ";", "|")
_WIDE = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_MAGIC: Final = ((b"PAR1", "Parquet", ".parquet"), (b"\x1f\x8b", "gzip", ".csv.gz"))
_UTF8_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"^\s*[-+]?\d*[.,]?\d+([eE][-+]?\d+)?\s*$")
_DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d+,\d+\s*$")


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a file is written.

    Args:
        parquet: Parquet, where nothing else matters; otherwise text.
        delimiter, quote, decimal: one character each; quote "" where quotes mean nothing.
        header: the first line holds names.
        notes: what is unusual, a sentence each.
    """

    parquet: bool = False
    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    header: bool = True
    notes: tuple[str, ...] = ()


def read(name: str) -> tuple[Layout, pl.DataFrame]:
    """Looks at the beginning of a file.

    Args:
        name: of one file, on any file system that fsspec knows.
    Returns: its layout, and its first rows: text columns from CSV, typed ones from Parquet.
    Raises: DataError: it can't be read, is empty, or is in an encoding or format that the reader doesn't take.
    """
    try:
        if name.endswith((".parquet", ".pq")):
            return Layout(parquet=True), _parquet_head(name)
        data = _text_head(name)
    except Exception as error:
        if not isinstance(error, (*stores.failures(), EOFError, zlib.error, pl.exceptions.PolarsError)):
            raise
        raise DataError(
            "the file can't be read.", where=name, why=str(error), next_step="see that it is complete."
        ) from error
    for magic, kind, suffix in _MAGIC:
        if data.startswith(magic):
            raise DataError(f"this is {kind} under another name.", where=name, next_step=f"let it end in {suffix}.")
    return _text(name, data)


def _parquet_head(name: str) -> pl.DataFrame:
    import pyarrow.parquet as pq

    with stores.open_file(name) as handle:
        try:
            file = pq.ParquetFile(handle)
            for batch in file.iter_batches(HEAD_ROWS):
                return pl.DataFrame(pl.from_arrow(batch))
            return pl.DataFrame(pl.from_arrow(file.schema_arrow.empty_table()))
        except ValueError as error:  # pyarrow's errors of content are ValueErrors
            raise OSError(str(error)) from error


def _text_head(name: str) -> bytes:
    with stores.open_file(name, compression="gzip" if name.endswith(".gz") else None) as handle:
        return handle.read(HEAD_BYTES)


def _text(name: str, data: bytes) -> tuple[Layout, pl.DataFrame]:
    if (wide := _WIDE.get(data[:2])) or data[:400].count(0) > 100:
        raise DataError(
            f"the file is in {wide or 'UTF-16'}, or isn't text; text must be in UTF-8.",
            where=name,
            next_step=f"iconv -f UTF-16 -t UTF-8 {name} > utf8.csv, and give that file.",
        )
    notes = ["it begins with a byte order mark, which is passed over"] if data.startswith(_UTF8_BOM) else []
    data = data.removeprefix(_UTF8_BOM)
    whole = data if len(data) < HEAD_BYTES else data[: data.rfind(b"\n") + 1] or data
    text = whole.decode("utf-8", "replace")
    if "\ufffd" in text:
        notes.append("some bytes aren't UTF-8 (ISO 8859-1 or Windows-1252?); rows with such ids are set aside")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = [line for line in text.split("\n", _LINES)[:_LINES] if line.strip()]
    if not lines:
        raise DataError("the file has no row.", where=name, next_step="give a file with interactions.")
    delimiter, quote = _delimiter(name, lines)
    rows = _rows(lines, delimiter, quote)
    width = len(rows[0])
    header = _is_header(rows[0], [row for row in rows[1:] if len(row) == width])
    frame = _frame(name, text, delimiter, quote, header, width)
    layout = Layout(False, delimiter, quote, _decimal(frame, delimiter), header, tuple(notes))
    return layout, frame


def _delimiter(name: str, lines: Sequence[str]) -> tuple[str, str]:
    """The pair under which most lines have the first one's number of columns; of equals the one with more columns."""
    if sum("::" in line for line in lines) == len(lines):
        raise DataError(
            "the columns are parted by '::'; the reader takes one character.",
            where=name,
            next_step=f"sed 's/::/\\t/g' {name} > tabs.csv, and give that file.",
        )
    best, choice = (0.0, 0), (_DELIMITERS[0], '"')
    for delimiter in _DELIMITERS:
        for quote in ('"', "", "'"):
            widths = [len(row) for row in _rows(lines, delimiter, quote)]
            same = sum(width == widths[0] for width in widths) / len(lines)  # a quote over lines loses rows
            score = (round(same, 2) if widths[0] > 1 else 0.0, widths[0])
            if score > best and (quote != "'" or _wraps(lines, delimiter, quote)):
                best, choice = score, (delimiter, quote)
    return choice


def _wraps(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    """Whether values stand in such quotes in most lines: an apostrophe within a word is none."""
    edge = (quote + delimiter, delimiter + quote)
    return sum(any(mark in line for mark in edge) for line in lines) > len(lines) / 2


def _rows(lines: Sequence[str], delimiter: str, quote: str) -> list[list[str]]:
    if not quote:
        return [line.split(delimiter) for line in lines]
    plain = (line.replace("\0", " ") + "\n" for line in lines)  # Python 3.10's reader refuses a NUL
    try:
        return list(csv.reader(plain, delimiter=delimiter, quotechar=quote))
    except csv.Error:  # a quote that never closes makes a value too long for it
        return [[line] for line in lines]


def _is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Names are words above numbers, or known ones, or at least none of the values that follow."""
    if any(_NUMBER.match(cell) or re.match(r"^\d{4}-\d\d-\d\d", cell) for cell in first):
        return False
    if not rows or sum(bool(names.role(cell)) for cell in first) >= 2:
        return True
    above = [all(_NUMBER.match(row[i]) for row in rows) for i in range(len(first))]
    if any(above):
        return True
    return all(cell.strip() for cell in first) and not any(
        first[i] in {row[i] for row in rows} for i in range(len(first))
    )


def _frame(name: str, text: str, delimiter: str, quote: str, header: bool, width: int) -> pl.DataFrame:
    try:
        frame = pl.read_csv(
            text.encode(),
            separator=delimiter,
            quote_char=quote or None,
            has_header=header,
            infer_schema=False,
            truncate_ragged_lines=True,
            ignore_errors=True,
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(
            "the file can't be cut into columns.", where=name, why=str(error), next_step="see that its quotes close."
        ) from error
    if any("\0" in column for column in frame.columns):
        raise DataError("the first line isn't text.", where=f"{name}:1", next_step="give a CSV file, or Parquet.")
    return frame if header else frame.rename({old: f"column_{i + 1}" for i, old in enumerate(frame.columns)})


def _decimal(frame: pl.DataFrame, delimiter: str) -> str:
    if delimiter == ",":
        return "."
    for column in frame.iter_columns():
        values = column.head(1000).drop_nulls()
        with_comma = values.str.contains(_DECIMAL_COMMA.pattern).sum()
        if len(values) and with_comma and values.str.contains(_NUMBER.pattern).all():
            return ","
    return "."
