"""Faults of rows, whatever the rows are."""

import numpy as np
import pyarrow as pa

from components.example_gen.batches import Batch, rejected_table
from components.example_gen.rows import Faults, rejected_rows


def test_each_row_keeps_its_reason_where_there_are_more_reasons_than_a_byte_counts():
    rows = 300
    reasons = [f"column {row} is not a number" for row in range(rows)]
    faults = Faults.none(rows)
    for row, reason in enumerate(reasons):
        faults.add(np.arange(rows) == row, reason)
    nothing = rejected_table(np.empty(0, np.int64), pa.array([], pa.string()), pa.array([], pa.string()))
    batch = Batch(pa.table({"a": ["x"] * rows}), np.arange(2, rows + 2), nothing)
    assert rejected_rows(batch, faults, ",").column("reason").to_pylist() == reasons
