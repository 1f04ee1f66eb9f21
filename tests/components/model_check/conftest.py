"""An exported model, whole and broken in several ways."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

ITEMS, WINDOW = [f"i{n}" for n in range(30)], 6


@pytest.fixture(scope="session")
def exported(tmp_path_factory, export_plainly):
    tf.keras.utils.set_random_seed(1)
    catalogue = Catalogue(np.array(ITEMS), np.arange(30, 0, -1), 0, gaps=2, window=WINDOW, mask_seen=True)
    model = SequenceRanker(ModelOptions(embedding_dim=8, architecture={"name": "lstm", "units": 6}), catalogue)
    folder = tmp_path_factory.mktemp("exported")
    export_plainly(model, folder, recommendations=20)
    return folder


class Broken(tf.Module):
    """Signatures of the right names; `recommend` gives what it was made with.

    Args:
        items, scores: of every list; scores of NaN are as a training that went astray would give.
    """

    def __init__(self, items, scores):
        super().__init__()
        self.items, self.scores = tf.constant([items]), tf.constant([scores])

    @tf.function(input_signature=[
        tf.TensorSpec([None, None], tf.string, "history"), tf.TensorSpec([None, None], tf.int64, "timestamps"),
        tf.TensorSpec([None], tf.string, "user_id"), tf.TensorSpec([None, None], tf.string, "exclude"),
    ])  # fmt: skip
    def recommend(self, history, timestamps, user_id, exclude):
        rows = tf.shape(history)[0]
        late = tf.shape(history)[1] > 1  # not in the warm-up, where a server would see it itself
        scores = tf.where(late, self.scores, tf.range(tf.shape(self.scores)[1], 0, -1, tf.float32)[None])
        return {"item_ids": tf.tile(self.items, [rows, 1]), "scores": tf.tile(scores, [rows, 1])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def serve(self, examples):
        return {"item_ids": tf.fill([1, 1], "i1"), "scores": tf.fill([1, 1], 1.0)}


@pytest.fixture
def broken(tmp_path):
    """Makes a model that answers so."""

    def save(items, scores):
        module = Broken(items, scores)
        signatures = {"recommend": module.recommend, "serving_default": module.serve, "evaluate": module.serve}
        tf.saved_model.save(module, str(tmp_path / "broken"), signatures=signatures)
        return tmp_path / "broken"

    return save


@pytest.fixture
def damaged(exported, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(exported, folder)
    (folder / "variables" / "variables.index").write_bytes(b"")
    return folder
