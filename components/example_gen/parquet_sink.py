"""Tables to Parquet, as Beam's own WriteToParquetBatched, with one thing more to say: which columns get a dictionary.

Times and hashes hardly repeat, and a dictionary of them, made first and then given up, took half of the time of
writing. Beam's sink hands no such option on to Arrow.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io import filebasedsink
from apache_beam.io.filesystem import CompressionTypes

from schemas import encryption

if TYPE_CHECKING:
    from schemas.keys import KeyOptions

CODEC = "zstd"


class ParquetSink(filebasedsink.FileBasedSink):
    """For `beam.io.Write`; elements are tables. Files appear under their names once they are whole.

    Args:
        prefix: path that the files' names begin with; they end with .parquet.
        schema: of all tables. Texts get a dictionary, numbers none.
        key: what files are encrypted with, each worker reads it itself; None: they aren't.
    """

    def __init__(self, prefix: str, schema: pa.Schema, key: KeyOptions | None = None) -> None:
        # Columns are compressed one by one, so the file is not.
        super().__init__(
            prefix, coder=None, file_name_suffix=".parquet", compression_type=CompressionTypes.UNCOMPRESSED
        )
        self._schema, self._key = schema, key
        self._open = contextlib.ExitStack()

    def open(self, temp_path: str) -> pq.ParquetWriter:
        """Begins a file."""
        self._open = contextlib.ExitStack()
        file = self._open.enter_context(contextlib.closing(super().open(temp_path)))
        return pq.ParquetWriter(
            self._open.enter_context(encryption.written(file, self._key)),
            self._schema,
            compression=CODEC,
            use_dictionary=_texts(self._schema),
            use_compliant_nested_type=False,  # one name for a list's values on both stacks, as `_texts` needs it
        )

    def write_record(self, writer: pq.ParquetWriter, table: pa.Table) -> None:
        """Adds a table."""
        writer.write_table(table)

    def close(self, writer: pq.ParquetWriter) -> None:
        """Ends the file."""
        writer.close()
        self._open.close()


def _texts(schema: pa.Schema) -> list[str]:
    """Parquet's paths of the columns that hold text, plain or in lists."""
    plain = [field.name for field in schema if field.type == pa.string()]
    return plain + [f"{field.name}.list.item" for field in schema if field.type == pa.list_(pa.string())]
