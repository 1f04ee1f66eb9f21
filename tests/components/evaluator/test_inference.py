import fsspec
import tensorflow as tf

from components.evaluator import inference


def test_model_in_an_object_store_is_loaded(tmp_path):
    model = tf.Module()
    model.answer = tf.Variable(42)
    tf.saved_model.save(model, str(tmp_path / "model"))
    store = fsspec.filesystem("memory")
    store.put(str(tmp_path / "model"), "/models/ranker/7", recursive=True)
    assert int(inference._load("memory://models/ranker/7").answer) == 42
