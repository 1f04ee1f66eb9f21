import fsspec
import numpy as np
import pyarrow as pa
import tensorflow as tf

from components.evaluator import inference
from schemas import records


def read(**columns):
    return records.from_examples(records.to_examples(pa.RecordBatch.from_pydict(columns)))


def test_shorter_list_ends_at_the_first_empty_place():
    lists = inference._lists(np.array([[b"a", b"b"], [b"c", b""], [b"", b""]], dtype=object))
    assert lists.to_pylist() == [["a", "b"], ["c"], []]


def test_ids_are_text_and_absent_numbers_are_null():
    batch = read(user_id=[["ü1"], ["u2"]], label_timestamp=[[5], [7]])
    assert inference._text(batch, "user_id").to_pylist() == ["ü1", "u2"]
    assert inference._one(batch, "label_timestamp", pa.int64()).to_pylist() == [5, 7]
    assert inference._one(batch, "label_repeats", pa.int64()).to_pylist() == [None, None]


def test_empty_and_absent_history_have_length_zero():
    batch = read(history=[["a", "b"], []], user_id=[["u"], ["v"]])
    assert inference._lengths(batch, "history").tolist() == [2, 0]
    assert inference._lengths(batch, "seen").tolist() == [0, 0]


def test_model_in_an_object_store_is_loaded(tmp_path):
    model = tf.Module()
    model.answer = tf.Variable(42)
    tf.saved_model.save(model, str(tmp_path / "model"))
    store = fsspec.filesystem("memory")
    store.put(str(tmp_path / "model"), "/models/ranker/7", recursive=True)
    assert int(inference._load("memory://models/ranker/7").answer) == 42
