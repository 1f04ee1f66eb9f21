import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas import parquet

SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])


@pytest.fixture
def written(tmp_path):
    def write(rows):
        path = tmp_path / f"{rows}.parquet"
        with pq.ParquetWriter(path, SCHEMA) as writer:
            if rows:
                writer.write_table(pa.table({"a": range(rows), "b": ["x"] * rows}, SCHEMA))
        return path

    return write


@pytest.mark.parametrize("opened", [str, pq.ParquetFile])
def test_a_file_without_row_groups_has_no_batches(written, opened):
    assert list(parquet.batches(opened(written(0)))) == []


def test_batches_have_the_columns_asked_for_and_no_more_rows_than_allowed(written):
    found = list(parquet.batches(written(5), rows=2, columns=["a"], threads=False))
    assert max(map(len, found)) == 2
    assert pa.Table.from_batches(found).to_pydict() == {"a": [0, 1, 2, 3, 4]}
