import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen import read_parquet
from components.example_gen.check import check
from components.example_gen.options import Options
from schemas.errors import DataError


def test_rows_are_numbered_through_row_groups(tmp_path):
    pq.write_table(pa.table({"user_id": ["a"] * 10}), tmp_path / "a.parquet", row_group_size=3)
    lines = [line for batch in read_parquet.batches(str(tmp_path / "a.parquet")) for line in batch.line.tolist()]
    assert lines == list(range(1, 11))


def test_ids_of_every_type_become_their_text(tmp_path):
    columns = {
        "user_id": pa.array([b"a", b"\xff", b"c"], pa.binary()),
        "item_id": pa.array(["x", "x", "y"]).dictionary_encode(),
        "timestamp": pa.array([1, 2, 3], pa.timestamp("s")),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    options = Options(data=("x",))
    (batch,) = read_parquet.batches(str(tmp_path / "a.parquet"))
    usable, rejected = check(batch, "a.parquet", options)
    assert usable.column("user_id").to_pylist() == [["a"], ["c"]]
    assert usable.column("item_id").to_pylist() == [["x"], ["y"]]
    assert usable.column("timestamp").to_pylist() == [[1000], [3000]]
    assert [(row["line"], row["reason"]) for row in rejected.to_pylist()] == [(2, "user_id isn't text in UTF-8")]


def test_cut_off_file_is_an_error(tmp_path):
    pq.write_table(pa.table({"user_id": ["a"] * 1000}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.parquet: the file isn't Parquet"):
        read_parquet.schema(str(tmp_path / "a.parquet"))
