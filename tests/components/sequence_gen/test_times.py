"""From when to when the interactions are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.sequence_gen import times
from schemas import features as f


def _write(path, values, **options) -> str:
    offsets = pa.array(np.arange(len(values) + 1, dtype=np.int32))
    columns = {
        f.USER_ID: pa.ListArray.from_arrays(offsets, pa.array(["u"] * len(values), pa.string())),
        f.TIMESTAMP: pa.ListArray.from_arrays(offsets, pa.array(values, pa.int64())),
    }
    pq.write_table(pa.table(columns), path, **options)
    return str(path)


def test_footers_of_all_row_groups_and_files_tell_the_range_without_reading_rows(tmp_path, monkeypatch):
    paths = [
        _write(tmp_path / "a", [5, 1_700_000_000_000, 7, 9], row_group_size=2),
        _write(tmp_path / "b", [-3, 8], use_compliant_nested_type=False),
        _write(tmp_path / "none", []),
    ]
    monkeypatch.setattr(times, "_of_rows", None)
    assert times.time_range(paths) == (-3, 1_700_000_000_000)


def test_files_without_statistics_are_read(tmp_path):
    paths = [_write(tmp_path / "a", [5, 2, 7], write_statistics=False), _write(tmp_path / "b", [6])]
    assert times.time_range(paths) == (2, 7)


@pytest.mark.parametrize("statistics", [True, False])
def test_no_rows_have_no_range(tmp_path, statistics):
    assert times.time_range([_write(tmp_path / "a", [], write_statistics=statistics)]) is None
