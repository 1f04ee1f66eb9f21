import fsspec
import numpy as np
import tensorflow as tf

from components.evaluator import inference


def test_shorter_list_ends_at_the_first_empty_place():
    lists = inference._lists(np.array([[b"a", b"b"], [b"c", b""], [b"", b""]], dtype=object))
    assert lists.to_pylist() == [["a", "b"], ["c"], []]


def test_model_in_an_object_store_is_loaded(tmp_path):
    model = tf.Module()
    model.answer = tf.Variable(42)
    tf.saved_model.save(model, str(tmp_path / "model"))
    store = fsspec.filesystem("memory")
    store.put(str(tmp_path / "model"), "/models/ranker/7", recursive=True)
    assert int(inference._load("memory://models/ranker/7").answer) == 42
