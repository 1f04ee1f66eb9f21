"""Occlusion finds the cause that was planted: after `cause`, wherever it stands, comes `effect`, else `other`."""

import numpy as np
import pytest
import tensorflow as tf

from ranker import explain, saved
from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

NOISE = [f"noise{n}" for n in range(10)]
ITEMS, WINDOW, ROWS = ["cause", "effect", "other", *NOISE], 6, 256


def batch():
    random = np.random.default_rng(1)
    history = random.integers(5, 2 + len(ITEMS), (ROWS, WINDOW))
    rows = np.arange(0, ROWS, 2)
    history[rows, random.integers(0, WINDOW, len(rows))] = 2
    label = np.zeros((ROWS, WINDOW), np.int64)
    label[:, -1] = np.where((history == 2).any(1), 3, 4)
    counts = (np.arange(WINDOW) == WINDOW - 1).astype(np.float32) * np.ones((ROWS, 1), np.float32)
    return {"history": history, "history_gap": np.zeros_like(history), "label": label, "weight": counts}


@pytest.fixture(scope="module")
def ranker(tmp_path_factory, export_plainly):
    tf.keras.utils.set_random_seed(2)
    catalogue = Catalogue(np.array(ITEMS), np.ones(len(ITEMS), int) * 9, 0, gaps=2, window=WINDOW, mask_seen=False)
    model = SequenceRanker(
        ModelOptions(embedding_dim=12, dropout=0.0, architecture={"name": "lstm", "units": 16}), catalogue
    )
    model.compile(tf.keras.optimizers.Adam(0.02))
    model.fit(tf.data.Dataset.from_tensors(batch()).repeat(150), verbose=0)
    folder = tmp_path_factory.mktemp("planted")
    export_plainly(model, folder, recommendations=5)
    return saved.load(folder)


@pytest.mark.parametrize("place", [0, 2, 5])
def test_the_planted_cause_is_the_reason_wherever_it_stands(ranker, place):
    history = NOISE[:5]
    history.insert(place, "cause")
    weights = explain.occlusion(ranker, history, [0] * 6, ["effect", "other"])
    assert np.argmax(weights[0]) == place
    assert weights[0, place] > 3 * np.abs(np.delete(weights[0], place)).max()
    assert weights[1, place] < 0  # it speaks against the other
    assert explain.strongest(history, weights[0], 1)[0][0] == "cause"


def test_weights_are_what_the_score_loses(ranker):
    history = ["noise1", "cause", "noise2"]
    weights = explain.occlusion(ranker, history, [5, 6, 7], ["effect"])
    whole = ranker.score([history], [["effect"]], [[5, 6, 7]])[0, 0]
    without = ranker.score([["noise1", "noise2"]], [["effect"]], [[5, 7]])[0, 0]
    assert weights[0, 1] == pytest.approx(whole - without, rel=1e-4)


def test_events_before_the_newest_are_no_reasons(ranker):
    weights = explain.occlusion(ranker, ["cause", "noise1", "noise2"], [0] * 3, ["effect"], newest=2)
    assert weights[0, 0] == 0
    assert weights.shape == (1, 3)


def test_no_history_no_candidates_and_unknown_candidates(ranker):
    assert explain.occlusion(ranker, [], [], ["effect"]).shape == (1, 0)
    assert explain.occlusion(ranker, ["cause"], [0], []).shape == (0, 1)
    assert np.isnan(explain.occlusion(ranker, ["cause"], [0], ["nothing"])).all()


def test_an_item_counts_once_with_all_its_events():
    assert explain.strongest(["a", "b", "a", "c"], np.array([1.0, 1.5, 1.0, -3.0]), 5) == [("a", 2.0), ("b", 1.5)]
