"""A model exported with TFT's real graph, loaded where there is TensorFlow alone."""

import json
import os
import subprocess
import sys

import numpy as np

from ranker import export, saved
from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

SCRIPT = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
out = model.signatures["recommend"](
    history=tf.constant([["a", "", "b"], ["junk", "", ""], ["", "", ""]]), timestamps=tf.zeros([3, 3], tf.int64),
    user_id=tf.constant(["u", "", ""]), exclude=tf.zeros([3, 0], tf.string))
heavy = sorted(name for name in sys.modules if name.split(".")[0] in ("tfx", "tensorflow_transform", "tfx_bsl"))
print(json.dumps([out["item_ids"].numpy().astype(str).tolist(), heavy]))
"""


def exported(folder, analyze, make_sequence):
    train = [make_sequence("u", ["a", "b"], ["b", "c"]), make_sequence("v", ["a", "a"], ["a", "b"])]
    output = analyze(train, users=True)
    items = np.array([item.decode() for item in output.vocabulary_by_name("items")])
    catalogue = Catalogue(items, np.array([3, 2, 1]), users=2, gaps=10, window=4, mask_seen=True)
    options = ModelOptions(embedding_dim=4, gap_embedding=True, bursts=(1, 4), user_embedding=True)
    model = SequenceRanker(options, catalogue)
    export.export(model, output.transform_features_layer(), output.raw_feature_spec(), str(folder), recommendations=3)
    return items.tolist()


def test_fresh_process_answers_with_tensorflow_alone(tmp_path, analyze, make_sequence, as_examples):
    items = exported(tmp_path / "model", analyze, make_sequence)
    assert items == ["a", "b", "c"]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1"},
    )
    answers, heavy = json.loads(done.stdout.splitlines()[-1])
    assert heavy == []
    assert answers == [["c", "", ""], items, items]  # seen items are left out; else popularity

    model = saved.load(tmp_path / "model")
    example = as_examples([make_sequence("w", ["a"], ["c"], seen=["b"]), make_sequence("w", ["b"], ["cold"])])
    ranks = model.evaluate(example)
    np.testing.assert_array_equal(ranks.label_rank, [1, 0])
    np.testing.assert_array_equal(ranks.popularity_rank, [1, 0])
    assert ranks.top_items[0].tolist()[:2] == ["c", ""]
    np.testing.assert_array_equal(model.serve(example).item_ids[0], ["c", "", ""])
    times = [86_400_000 * 20_000 + 123, 86_400_000 * 20_000 + 7_000_999]
    state = model.initial_state(1)
    for item, time in zip(["a", "b"], times, strict=True):
        state = model.step(state, [item], [time])
    whole, stepped = model.recommend([["a", "b"]], [times]), model.rank(state, [["a", "b"]])
    np.testing.assert_array_equal(stepped.item_ids, whole.item_ids)
    np.testing.assert_allclose(stepped.scores[:, :1], whole.scores[:, :1], rtol=1e-5)
