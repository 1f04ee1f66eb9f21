"""How stages read the interactions that InteractionExampleGen left. Imports Beam and TFX: for components alone."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from tfx.types import artifact_utils

from schemas import buckets as b
from schemas import features as f
from schemas import parquet
from schemas.errors import DataError

if TYPE_CHECKING:
    from tfx.types import Artifact

Split = Callable[[pa.RecordBatch, int], Iterator[tuple[int, bytes]]]  # a batch, buckets -> (bucket, piece)
_BATCH_ROWS: Final = 1 << 20  # large, so that a bucket's share of a batch is worth its header


def parquet_files(examples: Artifact) -> tuple[str, ...]:
    """The files of interactions, or of a table, by name.

    Raises: DataError: there are none.
    """
    pattern = posixpath.join(artifact_utils.get_split_uri([examples], f.ALL), "*")
    paths = tuple(sorted(file.path for file in FileSystems.match([pattern])[0].metadata_list))
    if not paths:
        raise DataError("There are no interactions.", where=pattern, next_step="Look at what example_gen read.")
    return paths


def number_of_rows(examples: Artifact, paths: tuple[str, ...]) -> int:
    """How many interactions there are: as their artifact says, or else as the files' footers say."""
    return examples.get_int_custom_property("rows") or sum(map(rows_of, paths))


def rows_of(path: str) -> int:
    """Rows of a Parquet file, as its footer says."""
    with FileSystems.open(path) as handle:
        return pq.ParquetFile(handle).metadata.num_rows


def split_interactions(batch: pa.RecordBatch, buckets: int) -> Iterator[tuple[int, bytes]]:
    """A batch as it lies in the files -> (bucket, piece)."""
    return b.split(b.flatten(batch), buckets)


class Read(beam.DoFn):
    """File -> (bucket, piece)."""

    def __init__(self, split: Split, buckets: int) -> None:
        self._split, self._buckets = split, buckets

    def process(self, path: str) -> Iterator[tuple[int, bytes]]:
        """Reads one file, a batch at a time."""
        with FileSystems.open(path) as handle:
            for batch in parquet.batches(handle, rows=_BATCH_ROWS, threads=False):
                yield from self._split(batch, self._buckets)
