"""InteractionExampleGen's work: files in, two artifacts out."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from apache_beam.io.filesystems import FileSystems
from pydantic import ValidationError
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components.example_gen import beam_io, files, inputs, outputs
from components.example_gen.options import SEPARATOR, Options
from schemas.errors import DataError
from schemas.forgotten import Forgotten

if TYPE_CHECKING:
    from tfx import types

_SEEN = "seen.jsonl"


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
            exec_properties: `data`, `options`, `fingerprint`; `code_version` only serves the cache.
        Raises: DataError: a file is missing, empty, broken off, or lacks a column. Rejected rows raise nothing, even
            when no other is left: TFX deletes the outputs of a stage that raises, and DataGate refuses them.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        options = _options(exec_properties)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        rejected = artifact_utils.get_single_instance(output_dict["rejected"])
        found = inputs.find(options)
        files.validate(found, options)
        forgotten = Forgotten.load(options.forgotten)
        usable_prefix = os.path.join(outputs.folder(examples), "interactions")
        seen = os.path.join(rejected.uri, _SEEN)
        with self._make_beam_pipeline() as pipeline:
            rejected_prefix = os.path.join(rejected.uri, "rows")
            beam_io.read(pipeline, found, options, usable_prefix, rejected_prefix, seen, forgotten)
        counts = beam_io.counts(_take_lines(seen))
        outputs.write_counts(rejected.uri, counts)
        outputs.write_csv(rejected.uri, options.encryption)
        read = inputs.combined((file.name, file.size, file.sha256, file.span) for file in counts.files)
        read = inputs.marked(read, options, forgotten)
        outputs.describe(examples, rejected, counts, exec_properties["fingerprint"] or read)


def _options(exec_properties: dict[str, Any]) -> Options:
    """The knobs, with the files that this run names in place of the configured ones.

    Raises: DataError: the files that are named and the knobs don't go together, as data by span without `spans`.
    """
    told = json.loads(exec_properties["options"])
    patterns = [pattern.strip() for pattern in exec_properties.get("data", "").split(SEPARATOR)]
    named = [pattern for pattern in patterns if pattern]
    try:
        return Options.model_validate({**told, "data": named} if named else told)
    except ValidationError as error:
        raise DataError(
            "These files can't be read in this way.",
            where=exec_properties["data"],
            why="\n".join(each["msg"].removeprefix("Value error, ") for each in error.errors()),
            next_step="name others, or change example_gen in the configuration.",
        ) from error


def _take_lines(path: str) -> list[str]:
    with FileSystems.open(path) as handle:
        lines = handle.read().decode("utf-8").splitlines()
    FileSystems.delete([path])
    return lines
