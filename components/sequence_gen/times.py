"""From when to when the interactions are, from the files' footers where those say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from schemas import features as f
from schemas import parquet


def time_range(paths: Sequence[str]) -> tuple[int, int] | None:
    """The times of the oldest and the newest interaction.

    Each row group's footer has the range of its values, lists included (pyarrow 10 and 18). A file that lacks one,
    as other writers may leave it, is read, times alone.

    Args:
        paths: Parquet files as InteractionExampleGen writes them.
    Returns: milliseconds since 1970 UTC; None where there is no row.
    """
    ranges = [found for path in paths for found in _of_file(path)]
    return (min(first for first, _ in ranges), max(last for _, last in ranges)) if ranges else None


def _of_file(path: str) -> list[tuple[int, int]]:
    with FileSystems.open(path) as handle:
        file = pq.ParquetFile(handle)
        if not file.metadata.num_rows:
            return []
        return _of_footer(file.metadata) or list(_of_rows(file))


def _of_footer(footer: pq.FileMetaData) -> list[tuple[int, int]]:
    """A range for each row group, or none if any lacks one."""
    ranges = []
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        columns = (group.column(i) for i in range(group.num_columns))
        (times,) = (column for column in columns if column.path_in_schema.split(".")[0] == f.TIMESTAMP)
        if not times.is_stats_set or not times.statistics.has_min_max:
            return []
        ranges.append((times.statistics.min, times.statistics.max))
    return ranges


def _of_rows(file: pq.ParquetFile) -> Iterator[tuple[int, int]]:
    for batch in parquet.batches(file, columns=[f.TIMESTAMP]):
        times = batch.column(0).flatten().to_numpy()
        yield int(times.min()), int(times.max())
