"""One suite over every head, on items with features, an age, and cold ones among them."""

import numpy as np
import pytest
import tensorflow as tf

from ranker import registry
from ranker.catalogue import Catalogue, Categories, ItemFeatures
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from ranker.prediction import pair_scores
from ranker.ratings import Ratings

ITEMS, COLD, WINDOW, ROWS = 9, 2, 5, 6
HOUR = 3_600_000  # milliseconds
NOW = 1_000_000 * HOUR
N = ITEMS + COLD
FEATURES = ItemFeatures(
    cold=np.array(["new", "newer"]),
    categories={"genre": Categories(np.array([[2 + n % 3, 0] for n in range(N)], np.int32), 5)},
    numbers={},
    published=np.where(np.arange(N) % 4, NOW - 50 * HOUR * np.arange(N), 0),
)
CATALOGUE = Catalogue(
    np.array([f"i{n}" for n in range(ITEMS)]), np.arange(ITEMS, 0, -1), 0, gaps=0, window=WINDOW, mask_seen=True,
    features=FEATURES, ratings=Ratings(3.0, 1.0, 5.0, np.linspace(-4, 4, ITEMS), np.ones(ITEMS)),
)  # fmt: skip


@pytest.fixture(params=registry.names("heads"))
def model(request):
    tf.keras.utils.set_random_seed(3)
    made = SequenceRanker(ModelOptions(embedding_dim=8, dropout=0.0, id_dropout=0.0, head=request.param), CATALOGUE)
    made.age.slope.assign(-0.05)
    return made


def training():
    events = 2 + (np.arange(ROWS)[:, None] + np.arange(WINDOW + 1)) % ITEMS
    history, label = events[:, :-1], events[:, 1:]
    features = {"history": history, "label": label, "label_timestamp": NOW - HOUR * (label % 3)}
    features["label_rating"] = (1 + label % 5).astype(np.float32)
    features["label_rating"][0] = np.nan
    return {**features, "weight": np.ones(label.shape, np.float32)}


def evaluation():
    """Of the last positions; one label is cold, one unknown, one history too."""
    features = {name: value for name, value in training().items() if name != "weight"}
    last = {name: features[name][:, -1].copy() for name in ("label", "label_timestamp", "label_rating")}
    last["label"][:2] = ITEMS + 2, 1
    features["history"][3] = 0
    return {**features, **last, "seen": np.full((ROWS, 1), 7)}


def tensors(features):
    return {name: tf.constant(value) for name, value in features.items()}


def test_padding_adds_nothing_to_the_loss_or_its_gradient(model):
    def loss_and_gradient(features):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(tensors(features))
        found = tape.gradient(loss, model.trainable_variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [loss, *map(tf.convert_to_tensor, found)]

    padded = {name: np.pad(value, [[0, 0], [0, 2]]) for name, value in training().items()}
    for plain, wide in zip(loss_and_gradient(training()), loss_and_gradient(padded), strict=True):
        assert np.isfinite(plain).all()
        np.testing.assert_allclose(plain, wide, rtol=1e-4, atol=1e-6)


def test_loss_with_static_shapes_is_the_same(model):
    loss = model.compute_loss(tensors(training()))
    model.compile(jit_compile=True)
    np.testing.assert_allclose(model.compute_loss(tensors(training())), loss, rtol=1e-5)


def test_pairs_score_as_the_whole_catalogue_does(model):
    features = tensors(evaluation())
    every = tf.tile(tf.range(2, 2 + N, dtype=tf.int64)[tf.newaxis], [ROWS, 1])
    scores, there = (found.numpy() for found in pair_scores(model, features, every))
    ranks = model.label_ranks({**features, "seen": tf.zeros([ROWS, 0], tf.int64)}).numpy()
    for row, (label, past) in enumerate(zip(evaluation()["label"] - 2, evaluation()["history"] - 2, strict=True)):
        if label < 0:
            assert ranks[row] == 0
            continue
        rivals = [n for n in range(N) if there[row, n] and n not in past and n != label]
        keys = [(-scores[row, n], n) for n in rivals]
        assert ranks[row] == 1 + sum(key < (-scores[row, label], label) for key in keys)


def test_metrics_of_a_training_are_finite_and_its_monitor_among_them(model):
    model.compile(tf.keras.optimizers.Adam(0.01))
    rows = [tf.data.Dataset.from_tensors(features()) for features in (training, evaluation)]
    history = model.fit(rows[0].repeat(3), validation_data=rows[1], verbose=0).history
    assert model.options.head.monitor in history
    assert all(np.isfinite(values).all() for values in history.values())


def test_a_frozen_model_serves_the_same_values_in_the_order_of_scores(model):
    features = tensors(evaluation())
    ids = tf.constant(np.tile(np.arange(2, 2 + N), [ROWS, 1]))
    scores = pair_scores(model, features, ids)[0]
    model.freeze()
    np.testing.assert_allclose(pair_scores(model, features, ids)[0], scores, rtol=1e-5, atol=1e-6)
    values = model.head.values(tf.sort(scores, axis=1)).numpy()
    assert np.isfinite(values).all()
    assert (np.diff(values, axis=1) >= 0).all()
