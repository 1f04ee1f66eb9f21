"""InteractionExampleGen's work: files in, two artifacts out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyarrow.csv as pc_csv
from apache_beam.io.filesystems import FileSystems
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components.example_gen import beam_io, files, inputs
from components.example_gen.options import Options
from schemas import features as f
from schemas import parquet
from schemas.artifacts import READ_COUNTS_FILE, REJECTED_CSV
from schemas.records import REJECTED

if TYPE_CHECKING:
    from tfx import types

    from schemas.records import ReadCounts

_SEEN = "seen.jsonl"
_BATCH = 1 << 16


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads the configured files."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the usable rows, the rejected rows and their counts.

        Args:
            input_dict: nothing.
            output_dict: `examples` (one split, Parquet), `rejected`.
            exec_properties: `options`, `fingerprint`; `code_version` only serves the cache.
        Raises: DataError: a file is missing, empty, broken off, or lacks a column. Rejected rows raise nothing, even
            when no other is left: TFX deletes the outputs of a stage that raises, and DataGate refuses them.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        options = Options.model_validate_json(exec_properties["options"])
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        rejected = artifact_utils.get_single_instance(output_dict["rejected"])
        found = inputs.find(options)
        files.validate(found, options)
        usable_prefix = os.path.join(artifact_utils.get_split_uri([_with_split(examples)], f.ALL), "interactions")
        seen = os.path.join(rejected.uri, _SEEN)
        with self._make_beam_pipeline() as pipeline:
            beam_io.read(pipeline, found, options, usable_prefix, os.path.join(rejected.uri, "rows"), seen)
        counts = beam_io.counts(_take_lines(seen))
        _write_text(os.path.join(rejected.uri, READ_COUNTS_FILE), counts.model_dump_json(indent=2) + "\n")
        _write_csv(rejected.uri)
        _describe(examples, rejected, counts, exec_properties["fingerprint"])


def _with_split(examples: types.Artifact) -> types.Artifact:
    examples.split_names = artifact_utils.encode_split_names([f.ALL])
    return examples


def _describe(examples: types.Artifact, rejected: types.Artifact, counts: ReadCounts, fingerprint: str) -> None:
    """Payload and file format are what TFX's own readers look for."""
    examples.set_string_custom_property("payload_format", "FORMAT_PARQUET")
    examples.set_string_custom_property("file_format", "FILE_FORMAT_PARQUET")
    examples.set_int_custom_property("rows", counts.used)
    examples.set_string_custom_property("fingerprint", fingerprint)
    rejected.read, rejected.rejected = counts.read, counts.rejected


def _take_lines(path: str) -> list[str]:
    with FileSystems.open(path) as handle:
        lines = handle.read().decode("utf-8").splitlines()
    FileSystems.delete([path])
    return lines


def _write_text(path: str, text: str) -> None:
    with FileSystems.create(path) as handle:
        handle.write(text.encode("utf-8"))


def _write_csv(folder: str) -> None:
    """rejected.csv from the rejected rows' Parquet files, a batch at a time."""
    parts = FileSystems.match([os.path.join(folder, "rows-*.parquet")])[0].metadata_list
    with FileSystems.create(os.path.join(folder, REJECTED_CSV)) as handle, pc_csv.CSVWriter(handle, REJECTED) as writer:
        for part in sorted(file.path for file in parts):
            with FileSystems.open(part) as source:
                for batch in parquet.batches(source, rows=_BATCH):
                    writer.write_batch(batch)
