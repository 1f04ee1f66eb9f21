"""Export and load, with a transform of plain TensorFlow in place of TFT's."""

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from ranker import saved
from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from ranker.ratings import Ratings
from schemas.errors import ModelError

ITEMS, WINDOW = [f"i{n}" for n in range(8)], 3


@pytest.fixture(scope="module")
def exported(tmp_path_factory, export_plainly):
    tf.keras.utils.set_random_seed(4)
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        catalogue = Catalogue(np.array(ITEMS), np.arange(8, 0, -1), 0, gaps=4, window=WINDOW, mask_seen=True)
        architecture = {"name": "lstm", "units": 6, "layers": 2}
        model = SequenceRanker(ModelOptions(embedding_dim=4, architecture=architecture), catalogue)
        folder = tmp_path_factory.mktemp("model")
        export_plainly(model, folder, recommendations=10)
        assert tf.keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    return saved.load(folder)


def example(history, label=(), seen=()):
    features = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[item.encode() for item in items]))
        for name, items in (("history", history), ("label", label), ("seen", seen))
    }
    features["history_timestamp"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[0] * len(history)))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def test_unknown_and_empty_histories_are_answered_by_popularity(exported):
    answer = exported.recommend([[], ["junk", "i99"], [""]])
    for ids, scores in zip(answer.item_ids, answer.scores, strict=True):
        assert ids.tolist() == [*ITEMS, "", ""]
        np.testing.assert_allclose(scores, [*np.log(np.arange(8, 0, -1)), -np.inf, -np.inf], rtol=1e-6)


def test_gaps_in_a_history_and_its_padding_change_nothing(exported):
    answer = exported.recommend([["i1", "i2"], ["i1", "", "i2"], ["", "i1", "i2", ""]])
    assert len({tuple(row) for row in answer.item_ids.tolist()}) == 1
    np.testing.assert_allclose(answer.scores[0], answer.scores[2], rtol=1e-5)


def test_history_beyond_the_window_is_masked_though_not_seen_by_the_model(exported):
    long, short = exported.recommend([["i7", "i6", "i0", "i1", "i2"]]), exported.recommend([["i0", "i1", "i2"]])
    left = [item for item in short.item_ids[0] if item not in ("i6", "i7")]
    assert long.item_ids[0].tolist() == [*left, "", ""]


def test_excluded_items_are_not_answered(exported):
    answer = exported.recommend([["i0"], ["i0"]], exclude=[["i3", "", "i4"], []])
    assert set(answer.item_ids[0]) == {"i1", "i2", "i5", "i6", "i7", ""}
    assert set(answer.item_ids[1]) == set(ITEMS[1:]) | {""}


def test_steps_and_rank_give_what_recommend_gives(exported):
    histories, times = [["i3", "junk", "i5"], ["i1", "i2"]], [[1, 2, 3], [5, 9]]
    state = exported.initial_state(2)
    for items, at in ((["i3", "i1"], [1, 5]), (["junk", "i2"], [2, 9]), (["i5", ""], [3, 0])):
        state = exported.step(state, items, at)
    stepped, whole = exported.rank(state, histories), exported.recommend(histories, times)
    np.testing.assert_array_equal(stepped.item_ids, whole.item_ids)
    np.testing.assert_allclose(stepped.scores, whole.scores, rtol=1e-4, atol=1e-6)


def test_state_of_a_user_without_events_is_answered_by_popularity(exported):
    assert exported.rank(exported.initial_state(1)).item_ids[0].tolist() == [*ITEMS, "", ""]


def test_state_keeps_a_time_to_the_millisecond(exported):
    time = 1_795_562_286_999
    state = exported.step(exported.initial_state(1), ["i1"], [time])
    day, second, millisecond = state[0, -3:].astype(np.int64)
    assert (day * 86_400 + second) * 1_000 + millisecond == time


def test_examples_are_ranked_and_served_as_histories_are(exported):
    examples = [example(["i1", "i2"], ["i0"], ["i7"]), example([], ["i3"]), example(["i1"], ["cold"])]
    ranks = exported.evaluate(examples)
    answer = exported.recommend([["i1", "i2"]], exclude=[["i7"]])
    np.testing.assert_array_equal(ranks.popularity_rank, [1, 4, 0])
    assert ranks.label_rank[0] == 1 + answer.item_ids[0].tolist().index("i0")
    assert ranks.label_rank[1:].tolist() == [4, 0]
    np.testing.assert_array_equal(exported.serve(examples).item_ids[0], answer.item_ids[0])
    assert ranks.top_items.shape == (3, 20)


def test_scores_of_any_items_are_those_of_the_answers_and_unknown_items_have_none(exported):
    answer = exported.recommend([["i1", "i2"], ["junk"]])
    candidates = [["i5", "junk", "i0", ""], ["i3"]]
    scores = exported.score([["i1", "i2"], ["junk"]], candidates)
    by_item = [dict(zip(ids, row, strict=True)) for ids, row in zip(answer.item_ids, answer.scores, strict=True)]
    expected = [[by_item[0]["i5"], np.nan, by_item[0]["i0"], np.nan], [by_item[1]["i3"], *[np.nan] * 3]]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    examples = [example(["i1", "i2"], ["i0"], ["i7"]), example([], ["i3"])]
    np.testing.assert_allclose(exported.score_examples(examples, candidates), expected, rtol=1e-5)
    assert np.isfinite(exported.score([["i1"]], [["i1", "i7"]])).all()  # of the past too
    assert exported.score([["i1"], ["i2"]], [[], []]).shape == (2, 0)


RATINGS = Ratings(4.0, 1.0, 5.0, deviations=np.linspace(-8, 8, 8), weights=np.full(8, 6.0))


@pytest.mark.parametrize("head", ["pointwise", "rating"])
def test_what_is_served_is_what_the_head_means(tmp_path, head, export_plainly):
    tf.keras.utils.set_random_seed(4)
    catalogue = Catalogue(
        np.array(ITEMS), np.arange(8, 0, -1), 0, gaps=4, window=WINDOW, mask_seen=True, ratings=RATINGS
    )
    model = SequenceRanker(ModelOptions(embedding_dim=4, head=head), catalogue)
    export_plainly(model, tmp_path, recommendations=4)
    loaded = saved.load(tmp_path)
    features = {"history": tf.constant([[3, 4]], tf.int64), "label": tf.constant([2], tf.int64)}
    z = (tf.linalg.matvec(model.items, model.query(features)[0])[2:] + model.bias).numpy()
    known = 1 / (1 + np.exp(-z)) if head == "pointwise" else np.clip(z + 4, 1, 5)
    share = np.arange(8, 0, -1) / 36
    strange = share / (share + 1 / 8) if head == "pointwise" else np.clip(4 + np.linspace(-8, 8, 8) / 16, 1, 5)
    scores = loaded.score([["i1", "i2"], []], [ITEMS, ITEMS])
    np.testing.assert_allclose(scores, [known, strange], rtol=1e-4)
    answer = loaded.recommend([["i1", "i2"], []])
    for ids, values, row in zip(answer.item_ids, answer.scores, scores, strict=True):
        np.testing.assert_allclose(values, [row[ITEMS.index(item)] for item in ids], rtol=1e-5)
        assert np.all(np.diff(values) <= 0)
    np.testing.assert_allclose(loaded.rank(loaded.initial_state(1)).scores[0], answer.scores[1], rtol=1e-5)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no SavedModel"):
        saved.load(tmp_path)


def test_items_table_is_read_where_the_model_has_one(tmp_path):
    assert saved.items(tmp_path) is None
    table = pl.DataFrame({"item_id": ["a", "b"], "title": ["A", None], "feature_genre": [["x", "y"], []]})
    (tmp_path / "assets.extra").mkdir()
    table.write_parquet(tmp_path / "assets.extra" / "items.parquet")
    assert saved.items(tmp_path).equals(table)
