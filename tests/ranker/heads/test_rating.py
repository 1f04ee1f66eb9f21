"""The rating head: what it begins at, what counts, and that it learns who likes what."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from ranker.ratings import Ratings
from schemas.errors import ModelError

ITEMS, WINDOW, ROWS = 10, 4, 200
NAMES = np.array([f"i{n}" for n in range(ITEMS)])
DEVIATIONS, WEIGHTS = np.linspace(-9, 9, ITEMS), np.full(ITEMS, 5.0)
RATINGS = Ratings(mean=3.0, lowest=1.0, highest=5.0, deviations=DEVIATIONS, weights=WEIGHTS)
CATALOGUE = Catalogue(NAMES, np.full(ITEMS, 9), 0, gaps=0, window=WINDOW, mask_seen=True, ratings=RATINGS)


def model(catalogue=CATALOGUE, **options):
    tf.keras.utils.set_random_seed(3)
    made = SequenceRanker(ModelOptions(embedding_dim=8, dropout=0.0, **{"head": "rating", **options}), catalogue)
    made.compile(tf.keras.optimizers.Adam(0.02))
    return made


def rated(ratings=None):
    """Users who see even items or odd ones, and rate their own kind 5, the other 1; each position has a label."""
    rng = np.random.default_rng(1)
    kind = np.arange(ROWS)[:, None] % 2
    history = 2 + 2 * rng.integers(ITEMS // 2, size=(ROWS, WINDOW)) + kind
    label = 2 + rng.integers(ITEMS, size=(ROWS, WINDOW))
    given = np.where(label % 2 == kind, 5.0, 1.0).astype(np.float32)
    features = {"history": history, "label": label, "weight": np.ones(label.shape, np.float32)}
    return {**features, "label_rating": given if ratings is None else ratings(given)}


def last(features):
    """The rows' last labels, as validation has them."""
    one = {name: features[name][:, -1] for name in ("label", "label_rating")}
    return {"history": features["history"], "seen": np.zeros((ROWS, 0), np.int64), **one}


def dataset(features):
    return tf.data.Dataset.from_tensors(features)


@pytest.mark.parametrize("shrinkage", [0.0, 5.0])
def test_untrained_biases_are_the_items_shrunken_means(shrinkage):
    bias = model(head={"name": "rating", "shrinkage": shrinkage}).bias.numpy()
    np.testing.assert_allclose(bias, DEVIATIONS / (5 + shrinkage), rtol=1e-5)
    assert not model(popularity_bias=False).bias.numpy().any()


def test_served_values_are_ratings_of_the_range_that_training_had():
    np.testing.assert_allclose(model().head.values(tf.constant([-9.0, 0.5, 9.0])), [1.0, 3.5, 5.0])


def test_loss_is_the_mean_squared_error_of_what_has_a_rating():
    def half(given):
        return np.where(np.arange(given.size).reshape(given.shape) % 3 == 0, np.nan, given)

    made, features = model(), rated(half)
    made.items.assign(np.zeros(made.items.shape))
    known = np.isfinite(features["label_rating"])
    error = (3.0 + made.bias.numpy()[features["label"] - 2] - features["label_rating"])[known]
    for jit in (False, True):
        made.compile(jit_compile=jit)
        with tf.GradientTape() as tape:
            loss = made.compute_loss({name: tf.constant(value) for name, value in features.items()})
        np.testing.assert_allclose(loss, np.mean(error**2), rtol=1e-5)
        gradients = [tf.convert_to_tensor(each) for each in tape.gradient(loss, made.trainable_variables)]
        assert all(np.isfinite(each).all() for each in gradients)


def test_validation_is_rmse_and_mae_of_the_rated_labels():
    made, features = model(), last(rated())
    features["label_rating"][::2] = np.nan
    made.items.assign(np.zeros(made.items.shape))
    error = np.clip(3.0 + made.bias.numpy()[features["label"] - 2], 1, 5) - features["label_rating"]
    logs = made.evaluate(dataset(features), verbose=0, return_dict=True)
    assert logs["rmse"] == pytest.approx(np.sqrt(np.nanmean(error**2)), rel=1e-5)
    assert logs["mae"] == pytest.approx(np.nanmean(np.abs(error)), rel=1e-5)


def test_tastes_are_learnt():
    made = model()
    made.fit(dataset(rated()).repeat(150), verbose=0)
    logs = made.evaluate(dataset(last(rated())), verbose=0, return_dict=True)
    assert set(logs) == {"loss", "ndcg@10", "hr@10", "rmse", "mae"}
    assert logs["rmse"] < 0.5  # 2.0 knows nothing of users


def test_data_without_ratings_have_no_weight_and_a_catalogue_without_them_is_refused():
    features = {name: value for name, value in rated().items() if name != "label_rating"}
    total, weight = model().loss_and_weight({name: tf.constant(value) for name, value in features.items()})
    assert (float(total), float(weight)) == (0.0, 0.0)
    with pytest.raises(ModelError, match="ratings"):
        model(dataclasses.replace(CATALOGUE, ratings=None))
