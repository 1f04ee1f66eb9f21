import numpy as np
import pyarrow as pa

from components.evaluator import columns
from schemas import records


def read(**given):
    return records.from_examples(records.to_examples(pa.RecordBatch.from_pydict(given)))


def test_ids_are_text_and_absent_numbers_are_null():
    batch = read(user_id=[["ü1"], ["u2"]], label_timestamp=[[5], [7]])
    assert columns.text(batch, "user_id").to_pylist() == ["ü1", "u2"]
    assert columns.one(batch, "label_timestamp", pa.int64()).to_pylist() == [5, 7]
    assert columns.one(batch, "label_repeats", pa.int64()).to_pylist() == [None, None]
    ratings = read(label_rating=pa.array([[], [2.5], []], pa.list_(pa.float32())), user_id=[["u"], ["v"], ["w"]])
    assert columns.one(ratings, "label_rating", pa.float64()).to_pylist() == [None, 2.5, None]


def test_empty_and_absent_history_have_length_zero():
    batch = read(history=[["a", "b"], []], user_id=[["u"], ["v"]])
    assert columns.lengths(batch, "history").tolist() == [2, 0]
    assert columns.lengths(batch, "seen").tolist() == [0, 0]


def test_every_text_and_number_comes_with_its_row():
    batch = read(seen=[["ü", "b"], [], ["c"]], label_rating=pa.array([[1.5], [2.0, 3.0], []], pa.list_(pa.float32())))
    rows, items = columns.values(batch, "seen")
    assert (rows.tolist(), items.to_list()) == ([0, 0, 2], ["ü", "b", "c"])
    rows, ratings = columns.numbers(batch, "label_rating")
    np.testing.assert_array_equal(rows, [0, 1, 1])
    np.testing.assert_array_equal(ratings, [1.5, 2.0, 3.0])


def test_absent_column_has_no_values():
    batch = read(user_id=[["u"]], seen=pa.array([[]], pa.list_(pa.string())))
    assert [len(part) for name in ("history", "seen") for part in columns.values(batch, name)] == [0, 0, 0, 0]
    assert [len(part) for part in columns.numbers(batch, "label_rating")] == [0, 0]
