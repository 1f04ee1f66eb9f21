"""The pointwise head: probabilities, what they begin at, and log loss and AUC against a draw that stays."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

ITEMS, WINDOW = 40, 4
COUNTS = np.arange(ITEMS, 0, -1)
CATALOGUE = Catalogue(np.array([f"i{n}" for n in range(ITEMS)]), COUNTS, 0, gaps=0, window=WINDOW, mask_seen=True)


def model(**loss):
    tf.keras.utils.set_random_seed(3)
    options = ModelOptions(embedding_dim=8, dropout=0.0, head="pointwise", loss=loss)
    made = SequenceRanker(options, CATALOGUE)
    made.compile(tf.keras.optimizers.Adam(0.02))
    return made


def circle(rows=ITEMS):
    """Histories of WINDOW items, each followed by the next one, round and round, and the label of each."""
    events = 2 + (np.arange(rows)[:, None] + np.arange(WINDOW + 1)) % ITEMS
    return events[:, :-1], events[:, 1:]


def evaluation(rows=ITEMS):
    history, labels = circle(rows)
    features = {"history": history, "label": labels[:, -1], "seen": np.zeros((rows, 0), np.int64)}
    return tf.data.Dataset.from_tensors(features)


def training():
    history, label = circle()
    return tf.data.Dataset.from_tensors(
        {"history": history, "label": label, "weight": np.ones(label.shape, np.float32)}
    )


@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_untrained_biases_are_the_odds_of_popularity_against_what_is_drawn(ratio):
    share = COUNTS / COUNTS.sum()
    even = model(ratio=ratio, negatives={"name": "uniform", "count": 8}).bias.numpy()
    np.testing.assert_allclose(even, np.log(share / (ratio / ITEMS)), rtol=1e-4)
    by_count = model(ratio=ratio, negatives={"name": "popularity", "count": 8, "power": 1.0}).bias.numpy()
    np.testing.assert_allclose(by_count, np.full(ITEMS, -np.log(ratio)), rtol=1e-4, atol=1e-5)


def test_served_values_are_probabilities():
    np.testing.assert_allclose(model().head.values(tf.constant([0.0, np.log(3.0)])), [0.5, 0.75], rtol=1e-6)


def test_validation_draws_the_same_in_every_epoch_and_never_the_label_nor_the_past():
    made = model(negatives={"name": "uniform", "count": 8})
    before = made.evaluate(evaluation(), verbose=0, return_dict=True)
    again = made.evaluate(evaluation(), verbose=0, return_dict=True)
    del before["loss"], again["loss"]  # which is of other negatives
    assert before == again
    made.items.assign(np.zeros(made.items.shape))  # so that biases are all there is
    history, labels = circle(1)
    sure = np.full(ITEMS, -50.0)  # to be none, but for the label and the past
    sure[np.append(history[0], labels[0, -1]) - 2] = 50.0
    made.bias.assign(sure)
    logs = made.evaluate(evaluation(1), verbose=0, return_dict=True)
    assert logs["log_loss"] < 1e-6
    assert logs["auc"] == pytest.approx(1.0)


@pytest.mark.parametrize("ratio", [1.0, 4.0])
def test_log_loss_weighs_negatives_by_the_ratio(ratio):
    made = model(ratio=ratio)
    made.items.assign(np.zeros(made.items.shape))
    made.bias.assign(np.full(ITEMS, np.log(1 / ratio)))  # the odds where nothing is known
    logs = made.evaluate(evaluation(), verbose=0, return_dict=True)
    share = 1 / (1 + ratio)
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert logs["log_loss"] == pytest.approx(entropy, rel=1e-4)


def test_planted_order_is_learnt_as_sure_probabilities():
    made = model(negatives={"name": "uniform", "count": 32}, ratio=1.0)
    made.fit(training().repeat(120), verbose=0)
    logs = made.evaluate(evaluation(), verbose=0, return_dict=True)
    assert set(logs) == {"loss", "ndcg@10", "hr@10", "log_loss", "auc"}
    assert logs["log_loss"] < 0.15  # ln 2 = 0.69 knows nothing
    assert logs["auc"] > 0.98
    assert logs["ndcg@10"] > 0.9


def test_unknown_labels_count_nowhere():
    made = model()
    features = next(iter(evaluation(4)))
    features["label"] = tf.constant([1, 1, 1, 1], tf.int64)
    logs = made.evaluate(tf.data.Dataset.from_tensors(features), verbose=0, return_dict=True)
    assert (logs["log_loss"], logs["loss"], logs["ndcg@10"]) == (0.0, 0.0, 0.0)
