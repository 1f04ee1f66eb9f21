"""Members side by side are models apart whose scores are averaged."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue, Categories, ItemFeatures
from ranker.members import each, mean
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

ITEMS, WIDTH = 9, 4
COUNTS = np.arange(ITEMS, 0, -1)
COLD = 2
FEATURES = ItemFeatures(
    np.array([f"cold{n}" for n in range(COLD)]), {"kind": Categories(2 + np.arange(ITEMS + COLD)[:, None] % 3, 5)}, {}
)


def catalogue(**more):
    items = np.array([f"i{n}" for n in range(ITEMS)])
    return Catalogue(items, COUNTS, 0, gaps=4, window=5, mask_seen=True, **more)


def ranker(members, known, **more):
    options = ModelOptions(
        embedding_dim=WIDTH, members=members, gap_embedding=True, bursts=(1,), **more,
        architecture={"name": "lstm", "units": 6},
    )  # fmt: skip
    return SequenceRanker(options, known)


def joined(apart, known, **more):
    """One model whose members have the weights of models apart."""
    model = ranker(len(apart), known, **more)
    for name in ("items", "gaps", "scored_items"):
        if getattr(model, name) is not None:
            getattr(model, name).assign(tf.concat([getattr(one, name) for one in apart], axis=1))
    for place in ("architecture", "bursts"):
        for layer, one in zip(getattr(model, place).layers, apart, strict=True):
            layer.set_weights(getattr(one, place).get_weights())
    if model.tower is not None:
        vectors = [one.tower.embeddings[:, :-1] for one in apart]
        bias = apart[0].tower.embeddings[:, -1:]  # what features say of it is one for all members
        for tower, own in zip(
            (one.tower for one in (*apart, model)), (*vectors, tf.concat(vectors, axis=1)), strict=True
        ):
            tower.embeddings.assign(tf.concat([own, bias], axis=1))
    return model


def rows():
    events = 2 + (np.arange(6)[:, None] * 5 + np.arange(6)) % ITEMS
    history = events[:, :-1].astype(np.int64)
    return {
        "history": history, "history_gap": 1 + history % 3, "label": events[:, 1:].astype(np.int64),
        "weight": np.ones(history.shape, np.float32),
    }  # fmt: skip


def tensors(features):
    return {name: tf.constant(value) for name, value in features.items()}


@pytest.fixture(
    params=[({"tied": True}, None), ({"tied": False}, None), ({"tied": True}, FEATURES), ({"tied": False}, FEATURES)],
    ids=["tied", "two tables", "items table", "two tables and an items table"],
)
def models(request):
    tf.keras.utils.set_random_seed(5)
    options, features = request.param
    factors = np.linalg.qr(np.random.default_rng(0).normal(size=[ITEMS, 3]))[0].astype(np.float32)
    known = catalogue(factors=factors, features=features)
    apart = [ranker(1, known, **options) for _ in range(3)]
    return apart, joined(apart, known, **options)


def test_their_loss_in_training_is_the_mean_of_losses_apart(models):
    apart, model = models
    features = tensors(rows())
    losses = [float(one.compute_loss(features)) for one in apart]
    assert len({round(loss, 4) for loss in losses}) > 1
    np.testing.assert_allclose(model.compute_loss(features), np.mean(losses), rtol=1e-5)


def test_their_scores_are_the_mean_of_scores_apart(models):
    apart, model = models
    features = tensors({name: rows()[name] for name in ("history", "history_gap")})
    scores = [one.scoring_queries(features) @ tf.transpose(one.candidates()) for one in apart]
    found = model.scoring_queries(features) @ tf.transpose(model.candidates())
    np.testing.assert_allclose(found, np.mean(scores, axis=0), rtol=1e-4, atol=1e-5)


def test_one_does_not_learn_from_another(models):
    _, model = models
    features = tensors(rows())

    def gradient():
        with tf.GradientTape() as tape:
            loss = model.compute_loss(features, training=False)
        return tape.gradient(loss, model.items)[:, :WIDTH]

    before = gradient()
    model.items.assign(tf.concat([model.items[:, :WIDTH], 3.0 * model.items[:, WIDTH:]], axis=1))
    np.testing.assert_allclose(gradient(), before, rtol=1e-5, atol=1e-8)


def test_what_all_share_stands_behind_each_stretch():
    table = tf.constant([[1.0, 2.0, 3.0, 4.0, 9.0]])
    np.testing.assert_array_equal([part.numpy() for (part,) in each(2, 2, table)], [[[1, 2, 9]], [[3, 4, 9]]])
    np.testing.assert_array_equal(mean(table, 2, 2), [[0.5, 1, 1.5, 2, 9]])
    assert next(each(1, 4, table))[0] is table
