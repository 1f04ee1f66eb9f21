"""What the readers leave beside the rows: counts, a CSV file of the rejected ones, and the artifacts' properties."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pyarrow.csv as pc_csv
from apache_beam.io.filesystems import FileSystems
from tfx.types import artifact_utils

from schemas import encryption, parquet
from schemas import features as f
from schemas.contents import READ_COUNTS_FILE, REJECTED_CSV
from schemas.records import REJECTED, ReadCounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tfx import types

    from schemas.keys import KeyOptions
    from schemas.records import ReadFile

_BATCH: Final = 1 << 16


def folder(examples: types.Artifact) -> str:
    """Folder of the one split, which the artifact then has."""
    examples.split_names = artifact_utils.encode_split_names([f.ALL])
    return artifact_utils.get_split_uri([examples], f.ALL)


def describe(examples: types.Artifact, rejected: types.Artifact, counts: ReadCounts, fingerprint: str) -> None:
    """Payload and file format are what TFX's own readers look for; `span`, TFX's own property too, is the newest."""
    examples.set_string_custom_property("payload_format", "FORMAT_PARQUET")
    examples.set_string_custom_property("file_format", "FILE_FORMAT_PARQUET")
    examples.set_int_custom_property("rows", counts.used)
    examples.set_string_custom_property("fingerprint", fingerprint)
    if counts.spans:
        examples.span = counts.spans[-1]
        examples.set_string_custom_property("spans", ",".join(map(str, counts.spans)))
    rejected.read, rejected.rejected = counts.read, counts.rejected


def total(files: Sequence[ReadFile], reasons: Mapping[str, int]) -> ReadCounts:
    """What was read of all files together; `reasons`: rejected rows by reason."""
    read, rejected = sum(file.read for file in files), sum(file.rejected for file in files)
    most_first = dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))
    gone = sum(file.forgotten for file in files)
    counted = {"read": read, "used": read - rejected - gone, "rejected": rejected, "forgotten": gone}
    return ReadCounts(**counted, reasons=most_first, files=list(files))


def write_counts(rejected: str, counts: ReadCounts) -> None:
    """counts.json, in the folder of the rejected rows."""
    with FileSystems.create(os.path.join(rejected, READ_COUNTS_FILE)) as handle:
        handle.write((counts.model_dump_json(indent=2) + "\n").encode("utf-8"))


def write_csv(rejected: str, key: KeyOptions | None) -> None:
    """rejected.csv from the rejected rows' Parquet files, a batch at a time; all are encrypted where there is a key."""
    parts = FileSystems.match([os.path.join(rejected, "rows-*.parquet")])[0].metadata_list
    path = os.path.join(rejected, REJECTED_CSV)
    with (
        FileSystems.create(path) as handle,
        encryption.written(handle, key) as target,
        pc_csv.CSVWriter(target, REJECTED) as writer,
    ):
        for part in sorted(file.path for file in parts):
            with FileSystems.open(part) as handle, encryption.plain(handle, part, key) as source:
                for batch in parquet.batches(source, rows=_BATCH):
                    writer.write_batch(batch)
