"""Reads what the earlier stages left for the gates, on any file system that Beam knows, and writes their reports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from components.data_gate import refusal
from schemas import parquet
from schemas.contents import READ_COUNTS_FILE
from schemas.encryption import is_encrypted
from schemas.records import ReadCounts

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic import BaseModel


def counts(rejected_uri: str) -> ReadCounts:
    """What a reader counted."""
    return ReadCounts.model_validate_json(content(os.path.join(rejected_uri, READ_COUNTS_FILE)))


def samples(uri: str, reasons: Collection[str]) -> list[refusal.Sample]:
    """The first row of each reason, most frequent reasons first; reads no further than it must.

    Encrypted rows are shown nowhere.
    """
    first: dict[str, refusal.Sample] = {}
    for path in files(uri, "rows-*.parquet"):
        with FileSystems.open(path) as handle:
            if is_encrypted(handle):
                return []
            for batch in parquet.batches(handle):
                fresh = pl.DataFrame(pa.Table.from_batches([batch])).filter(~pl.col("reason").is_in(list(first)))
                for row in fresh.unique("reason", keep="first", maintain_order=True).iter_rows(named=True):
                    first[row["reason"]] = refusal.Sample(**row)
                if len(first) == len(reasons):
                    break
    return [first[reason] for reason in reasons if reason in first]


def files(folder: str, name: str) -> list[str]:
    """Paths that match a name, in order."""
    return sorted(file.path for file in FileSystems.match([os.path.join(folder, name)])[0].metadata_list)


def content(path: str) -> bytes:
    """A whole file."""
    with FileSystems.open(path) as handle:
        return handle.read()


def write(report: BaseModel, uri: str, name: str) -> None:
    """Writes a report as JSON that a person can read."""
    with FileSystems.create(os.path.join(uri, name)) as handle:
        handle.write((report.model_dump_json(indent=2) + "\n").encode())
