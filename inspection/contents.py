"""What lies in an artifact, for a person: its files, and the beginning of those that can be shown as text."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

import fsspec

from inspection import files
from schemas import parquet

if TYPE_CHECKING:
    from inspection.records import Artifact

_ROWS: Final = 10  # of a table
_BYTES: Final = 20_000  # of a text
_CLOSED: Final = "Encrypted; seqrank decrypt makes a readable copy for whom has the key."
_TEXTS: Final = (".json", ".txt", ".csv", ".pbtxt", ".jsonl", ".yaml")


@dataclasses.dataclass(frozen=True)
class File:
    """One file: its path below the artifact, its size in bytes."""

    name: str
    size: int


@dataclasses.dataclass(frozen=True)
class Table:
    """The first rows of a Parquet file, and how many it has."""

    name: str
    rows: int
    columns: tuple[str, ...]
    first: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True)
class Text:
    """The beginning of a text; `cut`: there is more."""

    name: str
    text: str
    cut: bool


@dataclasses.dataclass(frozen=True)
class Contents:
    """All files, and what can be shown of them."""

    artifact: Artifact
    files: tuple[File, ...]
    tables: tuple[Table, ...]
    texts: tuple[Text, ...]


def look(artifact: Artifact) -> Contents:
    """Reads what an artifact holds: of Parquet the first rows of each file, of text the beginning.

    Nothing is decrypted: of an encrypted file it says how.
    """
    found = [File(name, size) for name, size in files.names(artifact.uri)]
    shown = [file for file in found if not file.name.rsplit("/", 1)[-1].startswith(".")]
    known = [file for file in shown if file.name.endswith((".parquet", *_TEXTS))]
    closed = [file for file in known if files.encrypted(_address(artifact.uri, file.name))]
    shown = [file for file in known if file not in closed]
    return Contents(
        artifact=artifact,
        files=tuple(found),
        tables=tuple(_table(artifact.uri, file.name) for file in shown if file.name.endswith(".parquet")),
        texts=(
            *(_text(artifact.uri, file.name) for file in shown if file.name.endswith(_TEXTS)),
            *(Text(file.name, _CLOSED, cut=False) for file in closed),
        ),
    )


def _open(uri: str, name: str, mode: str, **told: Any) -> fsspec.core.OpenFile:
    return files.open_file(_address(uri, name), mode, **told)


def _address(uri: str, name: str) -> str:
    return f"{uri.rstrip('/')}/{name}" if name else uri


def _table(uri: str, name: str) -> Table:
    import pyarrow.parquet as pq

    with _open(uri, name, "rb") as handle:
        file = pq.ParquetFile(handle)
        batch = next(parquet.batches(file, rows=_ROWS), None)
        first = [tuple(_short(value) for value in row.values()) for row in (batch.to_pylist() if batch else [])]
        return Table(name, file.metadata.num_rows, tuple(file.schema_arrow.names), tuple(first))


def _short(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # columns of the log are lists of one
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _text(uri: str, name: str) -> Text:
    with _open(uri, name, "r", encoding="utf-8", errors="replace") as handle:
        text = handle.read(_BYTES + 1)
    if name.endswith(".json") and len(text) <= _BYTES:
        with contextlib.suppress(ValueError):  # else it is shown as it stands
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return Text(name, text[:_BYTES], len(text) > _BYTES)
