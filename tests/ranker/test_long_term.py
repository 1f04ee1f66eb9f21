"""Item factors from training rows, and what a model makes of them."""

import numpy as np
import pytest
import tensorflow as tf

from ranker import long_term, saved
from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from schemas import features as f
from schemas.errors import ModelError
from tests.ranker.test_export import ITEMS, WINDOW, example

TRAINING = {
    "history": tf.constant([[4, 2, 3]], tf.int64),
    "label": tf.constant([[2, 3, 5]], tf.int64),
    "weight": tf.ones([1, 3]),
}
SPEC_OF_ROWS = dict.fromkeys(("history", "label", "loss_from", "user_key"), None)


def row(user, history, label, loss_from=0):
    lists = {"history": history, "label": label, "loss_from": [loss_from], "user_key": [user]}
    features = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=value)) for name, value in lists.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """Rows of 40 users with 12 events each, in windows of 6 that overlap; and users by items, of the labels alone."""
    path, rng = str(tmp_path_factory.mktemp("rows") / "rows.gz"), np.random.default_rng(5)
    matrix = np.zeros((40, 20))
    with tf.io.TFRecordWriter(path, options="GZIP") as out:
        for user in rng.permutation(40):
            items = rng.permutation(20)[:12]
            matrix[user, items[1:]] = 1
            for first, loss_from in ((0, 0), (4, 2), (5, 5)):
                part = items[first : first + 7] + 2
                out.write(row(int(user) * (f.USER_KEYS // 40 + 1000), part[:-1], part[1:], loss_from))
    return [path], matrix


def factors(files, **changed):
    return long_term.item_factors(files, SPEC_OF_ROWS, **{"window": 6, "items": 20, "rank": 4, **changed})


def test_factors_span_the_leading_singular_directions_and_overlap_counts_once(logged):
    files, matrix = logged
    leading = np.linalg.svd(matrix)[2][:4].T
    found = factors(files)
    np.testing.assert_allclose(found @ found.T, leading @ leading.T, atol=1e-4)
    np.testing.assert_allclose(found.T @ found, np.eye(4), atol=1e-5)
    assert found.dtype == np.float32


def test_users_with_the_lowest_keys_are_enough(logged, monkeypatch):
    files, matrix = logged
    monkeypatch.setattr(long_term, "_MOST_LABELS", 25 * 11)
    leading = np.linalg.svd(matrix[:25])[2][:4].T
    found = factors(files)
    np.testing.assert_allclose(found @ found.T, leading @ leading.T, atol=1e-4)


def test_rank_is_at_most_the_items_and_the_users(logged, monkeypatch):
    files, matrix = logged
    assert factors(files, rank=100).shape == (20, 20)
    for users, rank in ((3, 3), (1, 1)):
        monkeypatch.setattr(long_term, "_MOST_LABELS", users * 11)
        found = factors(files, rank=5)
        assert found.shape == (20, rank)
        leading = np.linalg.svd(matrix[:users], full_matrices=False)[2].T
        np.testing.assert_allclose(found @ found.T, leading @ leading.T, atol=1e-6)


def test_rows_must_say_whose_they_are(logged):
    with pytest.raises(ModelError, match="long_term_rank: 0"):
        long_term.item_factors(logged[0], {"history": None, "label": None}, window=6, items=20, rank=4)


def build(**options):
    """A model of 8 items with factors of their own."""
    tf.keras.utils.set_random_seed(4)
    factors = np.random.default_rng(2).normal(size=[8, 3]).astype(np.float32)
    known = {"gaps": 0, "window": WINDOW, "mask_seen": True, "factors": factors}
    catalogue = Catalogue(np.array(ITEMS), np.arange(8, 0, -1), 0, **known)
    model = SequenceRanker(ModelOptions(embedding_dim=4, long_term_rank=3, **options), catalogue)
    model.long_term.scale.assign(0.5)
    return model, factors


def test_scores_are_the_queries_and_half_the_sums_over_the_past():
    model, factors = build()
    features = {"history": tf.constant([[4, 2, 0], [1, 9, 3]], tf.int64), "seen": tf.constant([[5], [0]], tf.int64)}
    queries = model(features)
    known = np.concatenate([np.zeros([2, 3]), factors])
    before = known[[[5], [0]]]
    np.testing.assert_allclose(queries[:, :, 4:], 0.5 * (known[features["history"]].cumsum(1) + before), rtol=1e-5)
    candidates = model.candidates().numpy()
    np.testing.assert_array_equal(candidates[:, 4:7], factors)
    np.testing.assert_array_equal(candidates[:, :4], model.items[2:])
    assert model.query(features).shape == (2, 7)


def test_training_moves_the_weight_and_leaves_the_factors():
    model, _ = build()
    with tf.GradientTape() as tape:
        loss = model.compute_loss(TRAINING, training=True)
    weights = model.trainable_variables
    assert not any(weight is model.long_term.factors for weight in weights)
    gradients = {weight.ref(): gradient for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True)}
    assert abs(float(gradients[model.long_term.scale.ref()])) > 0


@pytest.mark.parametrize("loss", ["sampled_softmax", "gbce", "bpr_max"])
def test_sampled_losses_take_the_wider_queries(loss):
    model, _ = build(loss=loss)
    assert np.isfinite(model.compute_loss(TRAINING, training=True))


@pytest.fixture(scope="module")
def exported(tmp_path_factory, export_plainly):
    model, _ = build()
    model.long_term.scale.assign(3.0)
    folder = tmp_path_factory.mktemp("model")
    export_plainly(model, folder, recommendations=10)
    return saved.load(folder)


def test_events_before_the_window_change_the_answer(exported):
    answer = exported.recommend([["i7", "i0", "i1", "i2"], ["i0", "i1", "i2"]])
    long, short = (dict(zip(*row, strict=True)) for row in zip(answer.item_ids, answer.scores, strict=True))
    assert max(abs(long[item] - short[item]) for item in long if item) > 0.1


def test_examples_are_ranked_as_histories_are(exported):
    answer = exported.recommend([["i6", "i0", "i1", "i2"]])
    served = exported.serve([example(["i0", "i1", "i2"], ["i4"], ["i6"])])
    np.testing.assert_array_equal(served.item_ids, answer.item_ids)
    np.testing.assert_allclose(served.scores, answer.scores, rtol=1e-5)


def test_steps_keep_the_sums(exported):
    state = exported.initial_state(2)
    for items in (["i3", "i1"], ["junk", "i2"], ["i5", ""]):
        state = exported.step(state, items, [0, 0])
    histories = [["i3", "junk", "i5"], ["i1", "i2"]]
    stepped, whole = exported.rank(state, histories), exported.recommend(histories)
    np.testing.assert_array_equal(stepped.item_ids, whole.item_ids)
    np.testing.assert_allclose(stepped.scores, whole.scores, rtol=1e-4, atol=1e-5)


def test_other_heads_refuse_it():
    with pytest.raises(ValueError, match="long_term_rank is for the head next_item"):
        ModelOptions(long_term_rank=4, head="rating")
