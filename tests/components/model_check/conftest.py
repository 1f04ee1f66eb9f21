"""An exported model, whole and broken in several ways."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from ranker import export
from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

ITEMS, WINDOW = [f"i{n}" for n in range(30)], 6


class Transform(tf.Module):
    def __init__(self):
        super().__init__()
        pairs = tf.lookup.KeyValueTensorInitializer(ITEMS, tf.range(2, 2 + len(ITEMS), dtype=tf.int64))
        self.table = tf.lookup.StaticHashTable(pairs, 1)

    def __call__(self, raw):
        items = {name: raw[name] for name in ("history", "label", "seen")}
        ids = {name: column.with_values(self.table.lookup(column.values)) for name, column in items.items()}
        times = raw["history_timestamp"]
        return {**ids, "history_gap": times.with_values(times.values * 0), "loss_from": raw["loss_from"]}


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    tf.keras.utils.set_random_seed(1)
    catalogue = Catalogue(np.array(ITEMS), np.arange(30, 0, -1), 0, gaps=2, window=WINDOW, mask_seen=True)
    model = SequenceRanker(ModelOptions(embedding_dim=8, architecture={"name": "lstm", "units": 6}), catalogue)
    lists = {"history": tf.string, "history_timestamp": tf.int64, "label": tf.string, "seen": tf.string}
    spec = {name: tf.io.VarLenFeature(kind) for name, kind in lists.items()}
    spec["loss_from"] = tf.io.FixedLenFeature([1], tf.int64)
    spec["user_id"] = tf.io.FixedLenFeature([1], tf.string)
    folder = tmp_path_factory.mktemp("exported")
    export.export(model, Transform(), spec, str(folder), recommendations=20)
    return folder


class Broken(tf.Module):
    """Signatures of the right names; `recommend` gives NaN, as a training that went astray would."""

    @tf.function(input_signature=[
        tf.TensorSpec([None, None], tf.string, "history"), tf.TensorSpec([None, None], tf.int64, "timestamps"),
        tf.TensorSpec([None], tf.string, "user_id"), tf.TensorSpec([None, None], tf.string, "exclude"),
    ])  # fmt: skip
    def recommend(self, history, timestamps, user_id, exclude):
        rows = tf.shape(history)[0]
        bad = tf.where(tf.shape(history)[1] > 2, float("nan"), 1.0)
        return {"item_ids": tf.fill([rows, 1], "i1"), "scores": tf.fill([rows, 1], bad)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def serve(self, examples):
        return {"item_ids": tf.fill([1, 1], "i1"), "scores": tf.fill([1, 1], 1.0)}


@pytest.fixture(scope="session")
def no_numbers(tmp_path_factory):
    folder, broken = tmp_path_factory.mktemp("nan"), Broken()
    signatures = {"recommend": broken.recommend, "serving_default": broken.serve, "evaluate": broken.serve}
    tf.saved_model.save(broken, str(folder), signatures=signatures)
    return folder


@pytest.fixture
def damaged(exported, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(exported, folder)
    (folder / "variables" / "variables.index").write_bytes(b"")
    return folder
