"""TableExampleGen's work: files of items or users in, two artifacts out. Without Beam: the rows are few."""

from __future__ import annotations

import collections
import os
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.example_gen import files, inputs, outputs
from components.example_gen.parquet_sink import CODEC
from components.example_gen.table_check import TableCheck, usable_schema
from components.example_gen.table_options import parse
from schemas import encryption
from schemas.records import REJECTED, ReadFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from tfx import types

    from components.example_gen.table_options import TableOptions
    from schemas.records import ReadCounts


class Executor(base_executor.BaseExecutor):
    """Reads the configured files, in order of their names."""

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
            exec_properties: `kind`, `options`, `fingerprint`; `code_version` only serves the cache.
        Raises: DataError: a file is missing, empty, broken off, or lacks a column. Rejected rows raise nothing:
            TableGate refuses them.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        options = parse(exec_properties["kind"], exec_properties["options"])
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        rejected = artifact_utils.get_single_instance(output_dict["rejected"])
        found = inputs.find(options)
        files.validate(found, options)
        folder = outputs.folder(examples)
        with (
            FileSystems.create(os.path.join(folder, "table.parquet")) as usable_file,
            FileSystems.create(os.path.join(rejected.uri, "rows-00000.parquet")) as rejected_bytes,
            encryption.written(rejected_bytes, options.encryption) as rejected_file,
            pq.ParquetWriter(
                usable_file, usable_schema(options), compression=CODEC, use_compliant_nested_type=False
            ) as usable,
            pq.ParquetWriter(rejected_file, REJECTED, compression=CODEC) as rejects,
        ):
            counts = _read(found, options, usable.write_table, rejects.write_table)
        outputs.write_counts(rejected.uri, counts)
        outputs.write_csv(rejected.uri, options.encryption)
        outputs.describe(examples, rejected, counts, exec_properties["fingerprint"])


def _read(
    found: Sequence[inputs.InputFile],
    options: TableOptions,
    usable: Callable[[pa.Table], None],
    rejects: Callable[[pa.Table], None],
) -> ReadCounts:
    """Hands each file's rows on, and counts them."""
    check = TableCheck(options)
    reasons: collections.Counter[str] = collections.Counter()
    seen = []
    for file in found:
        used = aside = gone = 0
        for batch in files.batches(file.name, options):
            good, bad = check(batch, file.name)
            usable(good)
            rejects(bad)
            used, aside = used + good.num_rows, aside + bad.num_rows
            gone += batch.rows - good.num_rows - bad.num_rows
            reasons.update({c["values"]: c["counts"] for c in bad.column("reason").value_counts().to_pylist()})
        read, sha256 = used + aside + gone, inputs.digest(file.name)
        seen.append(ReadFile(name=file.name, size=file.size, sha256=sha256, read=read, rejected=aside, forgotten=gone))
    return outputs.total(seen, reasons)
