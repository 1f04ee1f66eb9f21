"""The items table: read once an item, written in plain columns."""

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ranker import items_table

TABLE = pa.table(
    {
        "item_id": pa.array([["new"], ["i0"], ["i1"], ["i1"]], pa.list_(pa.string())),
        "title": pa.array([["New"], [], ["One"], ["Again"]], pa.list_(pa.string())),
        "published": pa.array([[8_000], [1], [], []], pa.list_(pa.int64())),
        "feature_Größe / cm": pa.array([[2.0], [1.0], [], []], pa.list_(pa.float32())),
        "feature_kind of": pa.array([["x", "y"], ["x"], [], ["z"]], pa.list_(pa.string())),
    }
)


def test_table_is_read_once_an_item_and_written_in_plain_columns(tmp_path):
    for n, part in enumerate([TABLE.slice(0, 2), TABLE.slice(2), TABLE.slice(0, 0)]):
        pq.write_table(part, tmp_path / f"part-{n}.parquet")
    table = items_table.read([str(tmp_path / f"part-{n}.parquet") for n in range(3)])
    items_table.write(table, str(tmp_path / "model"))
    found = pl.read_parquet(tmp_path / "model" / items_table.EXPORTED)
    assert found.to_dict(as_series=False) == {
        "item_id": ["new", "i0", "i1"],
        "title": ["New", None, "One"],
        "published": [8_000, 1, None],
        "feature_Größe / cm": [2.0, 1.0, None],
        "feature_kind of": [["x", "y"], ["x"], []],
    }
