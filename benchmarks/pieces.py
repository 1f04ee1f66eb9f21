"""Bytes that SequenceGen shuffles per interaction as buckets get more: each read batch is cut into a piece a bucket.

    python -m benchmarks.pieces --rows 1000000 --buckets 4 40 400 4000

What a log of 10^9 would shuffle can so be measured on its first million rows: its number of buckets is what matters.
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.datasets.synthesize import synthesize
from schemas import buckets as b
from schemas import features as f


def shuffled(batch: pa.RecordBatch, buckets: int) -> float:
    """Bytes of all pieces per interaction of a batch of plain interactions."""
    return sum(len(piece) for _, piece in b.split(batch, buckets)) / batch.num_rows


def made(rows: int, users: int, items: int) -> pa.RecordBatch:
    """Interactions as SequenceGen reads them."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "log.parquet"
        synthesize(path, rows, users, items, repeats=True)
        table = pq.read_table(path, columns=["user_id", "item_id", "timestamp"])
    ties = pa.array(
        np.random.default_rng(0).integers(1 << 63, size=rows)
    )  # a hash of the row, which nothing compresses
    columns = [*(pa.concat_arrays(column.chunks) for column in table.columns), ties]
    return pa.RecordBatch.from_arrays(columns, names=[f.USER_ID, f.ITEM_ID, f.TIMESTAMP, f.TIE])


def main() -> None:
    """Prints a line a number of buckets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="interactions of a batch; SequenceGen reads 2^20")
    parser.add_argument("--users", type=int, default=10_000_000, help="that the rows are drawn from")
    parser.add_argument("--items", type=int, default=50_000, help="likewise")
    parser.add_argument("--buckets", type=int, nargs="+", default=[4, 40, 400, 4_000])
    arguments = parser.parse_args()
    batch = made(arguments.rows, arguments.users, arguments.items)
    for buckets in arguments.buckets:
        print(f"{buckets:,} buckets: {shuffled(batch, buckets):.1f} bytes an interaction")


if __name__ == "__main__":
    main()
