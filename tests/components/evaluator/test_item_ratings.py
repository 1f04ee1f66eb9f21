import apache_beam as beam
import polars as pl
import pyarrow as pa
import pytest

from components.evaluator import item_ratings
from schemas import errors, records

BEAM = ["--runner=FnApiRunner", "--sdk_container_image=unused"]


def examples(**extra):
    """a is rated 5 and 3, b 1; a first label was counted by the window before, and one label has no rating."""
    return records.to_examples(
        pa.RecordBatch.from_pydict(
            {
                "label": [["b", "a", "b"], ["a", "c"], []],
                "label_rating": pa.array([[2.0, 5.0, 1.0], [3.0, float("nan")], []], pa.list_(pa.float32())),
                "loss_from": [[1], [0], [0]],
                **extra,
            }
        )
    )


def added(serialised, path):
    with beam.Pipeline(argv=BEAM) as pipeline:
        total = pipeline | beam.Create(serialised) | item_ratings.AddUp()
        _ = total | beam.Map(item_ratings.write, path)
    return pl.read_parquet(path)


def test_each_rated_label_that_counts_adds_to_its_item(tmp_path):
    total = added(examples(), str(tmp_path / "ratings.parquet"))
    assert total.rows() == [("a", 8.0, 2.0), ("b", 1.0, 1.0), ("c", 0.0, 0.0)]


def test_weights_of_labels_count(tmp_path):
    weights = pa.array([[1.0, 3.0, 0.0], [1.0, 1.0], []], pa.list_(pa.float32()))
    total = added(examples(label_weight=weights), str(tmp_path / "ratings.parquet"))
    assert total.rows()[:2] == [("a", 18.0, 4.0), ("b", 0.0, 0.0)]


def test_mean_of_an_item_is_drawn_towards_that_of_all(tmp_path):
    path = str(tmp_path / "ratings.parquet")
    added(examples(), path)
    found, mean = item_ratings.means(path, 1.0)
    assert mean == 3.0  # (5 + 3 + 1) / 3
    assert found.rows() == [("a", (8 + 3) / 3), ("b", (1 + 3) / 2)]
    assert item_ratings.means(path, 0.0)[0].rows() == [("a", 4.0), ("b", 1.0)]


def test_no_rating_at_all_is_an_error_that_names_the_column(tmp_path):
    with pytest.raises(errors.DataError, match=r"columns\.rating"):
        item_ratings.write(item_ratings.add_up([]), str(tmp_path / "ratings.parquet"))
