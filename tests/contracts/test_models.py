"""One suite over every architecture in the folder, and every loss that fits the head of next items."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from ranker import registry
from ranker.catalogue import Catalogue, Categories, ItemFeatures
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from ranker.signatures.steps import Steps

ITEMS, COLD, WINDOW = 12, 3, 6
HOUR = 3_600_000  # milliseconds
NOW = 1_000_000 * HOUR
FEATURES = ItemFeatures(
    cold=np.array([f"cold{n}" for n in range(COLD)]),
    categories={
        "genre": Categories(np.array([[2 + n % 3, 0, n % 2] for n in range(ITEMS + COLD)], np.int32), 5),
        "maker": Categories(np.array([[1 + n % 4] for n in range(ITEMS + COLD)], np.int32), 5),
    },
    numbers={"price": np.where(np.arange(ITEMS + COLD) % 4, np.linspace(-2, 2, ITEMS + COLD), np.nan)},
    published=np.where(np.arange(ITEMS + COLD) % 5, NOW - 100 * HOUR * np.arange(ITEMS + COLD), 0),
)
KINDS = {
    "ids": {},
    "members": {},
    "features": {"contexts": {"device": 4}, "user_features": {"group": 5}, "features": FEATURES},
}
DEFAULT = ModelOptions()
MODELS = [
    (architecture, loss, kind)
    for architecture, loss, kind in itertools.product(registry.names("architectures"), DEFAULT.head.losses, KINDS)
    if loss == DEFAULT.loss.name or (architecture == DEFAULT.architecture.name and kind != "members")
]


@pytest.fixture(params=MODELS, ids=lambda names: "-".join(names))
def model(request):
    tf.keras.utils.set_random_seed(3)
    architecture, loss, kind = request.param
    options = ModelOptions(
        embedding_dim=16, dropout=0.1, gap_embedding=True, bursts=(1, 2), architecture={"name": architecture},
        loss={"name": loss}, members=2 if kind == "members" else 1,
    )  # fmt: skip
    items = np.array([f"i{n}" for n in range(ITEMS)])
    return SequenceRanker(
        options, Catalogue(items, np.arange(ITEMS, 0, -1), 0, gaps=4, window=WINDOW, mask_seen=True, **KINDS[kind])
    )


def batch(rows=8, width=WINDOW):
    """Users who walk the items in a circle: after item n comes n + 1."""
    events = 2 + (np.arange(rows)[:, None] + np.arange(width + 1)) % ITEMS
    history, label = events[:, :-1].astype(np.int64), events[:, 1:].astype(np.int64)
    features = {"history": history, "history_gap": 1 + history % 3, "label": label}
    features["weight"] = np.ones(history.shape, np.float32)
    features["label_timestamp"] = NOW - HOUR * (label % 3)
    features["history_context_device"] = label % 4
    features["user_feature_group"] = np.arange(rows)[:, None] % 5 * [1, 0] + [0, 3]
    return features


def tensors(features):
    return {name: tf.constant(value) for name, value in features.items()}


def padded(features, width=3):
    return {name: np.pad(value, [[0, 0], [0, width]]) for name, value in features.items()}


def test_padding_adds_nothing_to_the_loss_or_its_gradient(model):
    def loss_and_gradient(features):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(tensors(features))
        return [loss, *tape.gradient(loss, model.trainable_variables)]

    for plain, wide in zip(loss_and_gradient(batch()), loss_and_gradient(padded(batch())), strict=True):
        np.testing.assert_allclose(plain, wide, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("popularity_bias", [True, False])
def test_untrained_biases_are_those_of_popularity_only_where_asked_for(popularity_bias):
    counts = np.array([8, 4, 2])
    catalogue = Catalogue(np.array(["a", "b", "c"]), counts, 0, gaps=0, window=WINDOW, mask_seen=True)
    bias = SequenceRanker(ModelOptions(popularity_bias=popularity_bias), catalogue).bias.numpy()
    expected = [np.log(2), 0.0, -np.log(2)] if popularity_bias else [0.0, 0.0, 0.0]
    np.testing.assert_allclose(bias, expected, atol=1e-6)


def test_positions_without_weight_add_nothing(model):
    features = batch()
    features["weight"][:, :2] = 0.0
    other = {**features, "label": features["label"].copy()}
    other["label"][:, :2] = 1
    np.testing.assert_allclose(model.compute_loss(tensors(features)), model.compute_loss(tensors(other)), rtol=1e-5)


def test_a_step_in_which_nothing_counts_changes_nothing(model):
    """As one of several machines takes it, where no row of the batch is its own."""
    nothing = {name: np.zeros_like(value[:1]) for name, value in batch().items()}
    with tf.GradientTape() as tape:
        total, weight = model.loss_and_weight(tensors(nothing), training=True)
    assert (float(total), float(weight)) == (0.0, 0.0)
    for gradient in tape.gradient(total, model.trainable_variables, unconnected_gradients="zero"):
        assert np.all(tf.convert_to_tensor(gradient) == 0.0)


def test_loss_with_static_shapes_is_the_same(model):
    features = batch()
    features["weight"][:, 1] = 0.0
    loss = model.compute_loss(tensors(features))
    model.compile(jit_compile=True)
    np.testing.assert_allclose(model.compute_loss(tensors(features)), loss, rtol=1e-5)


def test_a_row_is_answered_the_same_alone_and_in_a_batch(model):
    features = batch()
    features["history"][3, 2:] = features["history_gap"][3, 2:] = 0
    together = model.query(tensors(features)).numpy()
    alone = model.query(tensors({name: value[3:4] for name, value in features.items()}))
    np.testing.assert_allclose(alone[0], together[3], rtol=1e-4, atol=1e-6)


def test_a_position_does_not_see_later_ones(model):
    features, other = batch(), batch()
    other["history"][:, -1] = 2
    first, second = (model(tensors(each)).numpy()[:, :-1] for each in (features, other))
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)


def test_what_an_example_does_not_say_is_unknown(model):
    silent = {name: value for name, value in batch().items() if "context" not in name and "user_feature" not in name}
    shape = silent["history"].shape
    unknown = {"history_context_device": np.ones(shape, np.int64), "user_feature_group": np.ones((shape[0], 1), int)}
    nothing = {"history_context_device": np.zeros(shape, np.int64), "user_feature_group": np.zeros((shape[0], 0), int)}
    first, *others = (model.query(tensors({**silent, **said})).numpy() for said in ({}, unknown, nothing))
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-5, atol=1e-7)


def test_weights_put_back_answer_the_same(model):
    again = SequenceRanker(model.options, model.catalogue)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.query(tensors(batch())), model.query(tensors(batch())))


def test_planted_pattern_is_learnt(model):
    model.compile(tf.keras.optimizers.Adam(0.02))
    steps, learnt = (60, 0.95) if model.tower is None else (120, 0.8)  # a cold item may stand before its twin
    model.fit(tf.data.Dataset.from_tensors(batch(ITEMS)).repeat(steps), verbose=0)
    features = batch(ITEMS)
    last = {name: features[name][:, -1] for name in ("label", "label_timestamp")}
    evaluation = {**features, **last, "seen": np.zeros((ITEMS, 0), np.int64)}
    logs = model.evaluate(tf.data.Dataset.from_tensors(evaluation), verbose=0, return_dict=True)
    assert set(logs) == {"loss", "ndcg@10", "hr@10"}
    assert logs["ndcg@10"] > learnt


def test_steps_reach_what_the_whole_history_gives(model):
    recurrent = hasattr(model.architecture, "step")
    assert recurrent == (model.options.architecture.name != "sasrec")
    if not recurrent:
        return
    features = tensors(batch())
    steps = Steps(model)
    states = [tf.zeros([8, size]) for size in steps.sizes]
    for t in range(WINDOW):
        here = {name: value[:, t : t + 1] if name.startswith("history") else value for name, value in features.items()}
        states = steps.after(here, states)
    np.testing.assert_allclose(steps.query(states), model.query(features), rtol=1e-4, atol=1e-6)
