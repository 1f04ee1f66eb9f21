"""Weights find their rows by strings: other orders of items, users and categories, new ones, other shapes."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from ranker import warm_start
from ranker.catalogue import Catalogue, Categories, ItemFeatures
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from schemas import features as f
from schemas.encryption import written
from schemas.errors import ModelError
from schemas.keys import KeyOptions

OPTIONS = ModelOptions(
    embedding_dim=4, user_embedding=True, gap_embedding=True, architecture={"name": "lstm", "units": 3}
)
GENRES = {"a": ["war"], "b": ["love", "war"], "c": ["love"], "d": []}
PRICES = {"a": 1.0, "b": np.nan, "c": -1.0, "d": 0.0}


def catalogue(items="abc", users="xy", genres=("war", "love"), devices=("tv", "web"), numbers=True):
    """One that knows these, in this order."""
    ids = np.zeros([len(items), 2], np.int32)
    for row, item in zip(ids, items, strict=True):
        known = [f.FIRST_ITEM + genres.index(genre) for genre in GENRES[item] if genre in genres]
        row[: len(known)] = known
    size = len(genres) + f.FIRST_ITEM
    prices = {"price": np.array([PRICES[item] for item in items], np.float32)} if numbers else {}
    return Catalogue(
        items=np.array(list(items), object),
        counts=np.arange(len(items), 0, -1),
        users=len(users),
        gaps=3,
        window=5,
        mask_seen=False,
        contexts={"device / x": len(devices) + f.FIRST_ITEM},
        user_features={"group": 3},
        features=ItemFeatures(np.empty(0, str), {"genre": Categories(ids, size, np.array(genres, object))}, prices),
        vocabularies={f.USER: users, "history_context_device / x": devices, "user_feature_group": ["g"]},
    )


def made(catalogue, options=OPTIONS, seed=1):
    """A model with weights of its own, biases and slopes too."""
    tf.keras.utils.set_random_seed(seed)
    return SequenceRanker(options, catalogue)


def trained(catalogue, options=OPTIONS):
    model = made(catalogue, options)
    for variable in warm_start.named_weights(model).values():
        variable.assign(variable + tf.random.stateless_normal(variable.shape, [1, variable.shape.num_elements()]))
    return model


def start(model, folder):
    warm_start.write(model, str(folder))
    return warm_start.read(str(folder))


def scores(model, history, user, device):
    """Score of each item, by its string, for one history of strings."""
    known = model.catalogue
    items, users = list(known.items), list(known.vocabularies[f.USER])
    device_id = f.FIRST_ITEM + list(known.vocabularies["history_context_device / x"]).index(device)
    features = {
        f.HISTORY: tf.constant([[f.FIRST_ITEM + items.index(item) for item in history]], tf.int64),
        f.HISTORY_GAP: tf.ones([1, len(history)], tf.int64),
        f.USER: tf.constant([f.FIRST_ITEM + users.index(user)], tf.int64),
        "history_context_device / x": tf.fill([1, len(history)], tf.constant(device_id, tf.int64)),
        "user_feature_group": tf.constant([[f.FIRST_ITEM]], tf.int64),
    }
    found = tf.matmul(model.scoring_queries(features), model.candidates(), transpose_b=True)[0].numpy()
    return dict(zip(items, found, strict=True))


@pytest.mark.parametrize("tied", [True, False])
def test_swapped_orders_change_no_answer(tmp_path, tied):
    options = OPTIONS.model_copy(update={"tied": tied})
    old = trained(catalogue(), options)
    new = made(catalogue("cab", "yx", ("love", "war"), ("web", "tv")), options, seed=2)
    report = start(old, tmp_path).into(new)
    assert report.fresh == {}
    before, after = (scores(model, "ba", "y", "tv") for model in (old, new))
    assert {item: pytest.approx(score, abs=1e-5) for item, score in before.items()} == after


def test_new_items_users_and_categories_begin_as_in_any_training(tmp_path):
    old, wider = trained(catalogue()), catalogue("cdab", "zxy", ("love", "peace", "war"), ("radio", "tv"))
    new, fresh = made(wider, seed=2), made(wider, seed=2)
    report = start(old, tmp_path).into(new)
    assert report.rows["items"] == {"taken": 2 + 3, "new": 1}
    assert report.rows["bias"] == {"taken": 3, "new": 1}
    assert report.rows["users"] == {"taken": 2 + 2, "new": 1}
    assert report.rows["tower/features"] == {"taken": 2 + 2 + 2, "new": 1}  # two of no string, and two of the price
    assert report.rows["contexts/history_context_device / x"] == {"taken": 2 + 1, "new": 1}
    row = f.FIRST_ITEM + 1
    for name, rows in (("items", row), ("scored_items", row), ("bias", row - 2), ("users", 2), ("tower/features", 3)):
        weights = [warm_start.named_weights(model) for model in (new, fresh)]
        if name in weights[0]:
            np.testing.assert_array_equal(*(weight[name].numpy()[rows] for weight in weights), err_msg=name)


def test_randomness_and_counts_are_not_taken(tmp_path):
    old, new = trained(catalogue()), made(catalogue(), seed=2)
    before = [weight.numpy() for weight in new.weights if not weight.trainable]
    start(old, tmp_path).into(new)
    for was, weight in zip(before, [weight for weight in new.weights if not weight.trainable], strict=True):
        np.testing.assert_array_equal(was, weight.numpy())


def test_what_has_another_shape_or_is_new_is_left_and_named(tmp_path, caplog):
    other = OPTIONS.model_copy(update={"user_embedding": False, "architecture": OPTIONS.architecture.model_copy(
        update={"units": 5})})  # fmt: skip
    old = trained(catalogue(), OPTIONS.model_copy(update={"gap_embedding": False}))
    report = start(old, tmp_path).into(made(catalogue(numbers=False), OPTIONS))
    assert report.fresh == {"gaps": "the earlier model has none"}
    assert report.rows["tower/features"] == {"taken": 4, "new": 0}
    report = start(trained(catalogue()), tmp_path).into(made(catalogue(), other))
    assert {name.split("/")[0] for name in report.fresh} == {"architecture"}
    assert "its shape is" in next(iter(report.fresh.values()))
    assert "items" in report.taken
    assert "Left as initialised: architecture/" in caplog.text


def test_another_width_leaves_all_that_hangs_on_it(tmp_path):
    wide = made(catalogue(), OPTIONS.model_copy(update={"embedding_dim": 6}))
    before = wide.items.numpy()
    report = start(trained(catalogue()), tmp_path).into(wide)
    np.testing.assert_array_equal(wide.items.numpy(), before)
    assert "items" in report.fresh
    assert "bias" in report.taken


def test_biases_of_another_head_begin_anew(tmp_path):
    begun = start(trained(catalogue()), tmp_path)
    model, fresh = (made(catalogue(), ModelOptions(**{**OPTIONS.model_dump(exclude={"loss"}), "head": "pointwise"}))
        for _ in range(2))  # fmt: skip
    report = begun.into(model)
    assert report.fresh == dict.fromkeys(["bias", "tower/feature_bias"], "of the head next_item")
    np.testing.assert_array_equal(model.bias, fresh.bias)


def test_tables_whose_strings_are_unknown_are_left(tmp_path):
    unknown = dataclasses.replace(catalogue(), vocabularies={})
    report = start(trained(catalogue()), tmp_path).into(made(unknown))
    tables = ("users", "contexts/history_context_device / x", "contexts/user_feature_group")
    assert report.fresh == dict.fromkeys(tables, "the rows' strings are unknown")


def test_a_model_that_older_code_exported_is_no_start(tmp_path, caplog):
    assert warm_start.read(str(tmp_path)) is None
    assert "training begins afresh" in caplog.text


def test_broken_weights_are_refused_by_name(tmp_path):
    warm_start.write(trained(catalogue()), str(tmp_path))
    (tmp_path / warm_start.START_WEIGHTS).write_bytes(b"no zip")
    with pytest.raises(ModelError, match="begin with"):
        warm_start.read(str(tmp_path))


def test_encrypted_weights_are_a_start_like_any(tmp_path, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "0123456789abcdef")
    plain = start(trained(catalogue()), tmp_path)
    for name in (warm_start.START_WEIGHTS, warm_start.START_ROWS):
        content = (tmp_path / name).read_bytes()
        with (tmp_path / name).open("wb") as file, written(file, KeyOptions(key_env="OUR_KEY")) as target:
            target.write(content)
    encrypted = warm_start.read(str(tmp_path))
    assert encrypted.weights.keys() == plain.weights.keys()
    assert all(np.array_equal(encrypted.weights[name], value) for name, value in plain.weights.items())


def test_two_writes_of_one_model_are_the_same_bytes(tmp_path):
    model = trained(catalogue())
    for n in "12":
        warm_start.write(model, str(tmp_path / n))
    for name in (warm_start.START_WEIGHTS, warm_start.START_ROWS):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_report_goes_into_json(tmp_path):
    report = start(trained(catalogue()), tmp_path).into(made(catalogue()))
    assert json.loads(json.dumps(dataclasses.asdict(report)))["rows"]["items"]["taken"] == 5
