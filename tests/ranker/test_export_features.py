"""Export of a model with side features, cold items, contexts and age, with a transform of plain TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf

from ranker import export, saved
from ranker.catalogue import Catalogue, Categories, ItemFeatures
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

ITEMS, COLD, WINDOW, HOUR = [f"i{n}" for n in range(8)], ["new", "tomorrow, \U0001f600"], 60, 3_600_000
NOW = 450_000 * HOUR  # in 2021
PUBLISHED = [*(NOW - HOUR * np.arange(1, 8) ** 3), 0, NOW - HOUR, NOW + HOUR]
LISTS = {
    **dict.fromkeys(("history", "label", "seen", "history_context_device", "user_feature_group"), tf.string),
    **dict.fromkeys(("history_timestamp", "label_timestamp"), tf.int64),
}
SPEC = {
    **{name: tf.io.VarLenFeature(kind) for name, kind in LISTS.items()},
    "user_id": tf.io.FixedLenFeature([1], tf.string),
    "loss_from": tf.io.FixedLenFeature([1], tf.int64),
}
VOCABULARIES = {
    **dict.fromkeys(("history", "label", "seen"), ITEMS),
    "history_context_device": ["phone", "tablet"],
    "user_feature_group": ["a", "b", "c"],
}


class Transform(tf.Module):
    def __init__(self):
        super().__init__()
        self.tables = {name: self.table(words) for name, words in VOCABULARIES.items()}

    @staticmethod
    def table(words):
        pairs = tf.lookup.KeyValueTensorInitializer(words, tf.range(2, 2 + len(words), dtype=tf.int64))
        return tf.lookup.StaticHashTable(pairs, 1)

    def __call__(self, raw):
        ids = {name: raw[name].with_values(table.lookup(raw[name].values)) for name, table in self.tables.items()}
        times = raw["history_timestamp"]
        return {**ids, "history_gap": times.with_values(times.values // HOUR % 4), "loss_from": raw["loss_from"]}


@pytest.fixture(scope="module")
def model():
    tf.keras.utils.set_random_seed(4)
    count = len(ITEMS) + len(COLD)
    features = ItemFeatures(
        cold=np.array(COLD),
        categories={"genre": Categories(np.array([[2 + n % 3, n % 2] for n in range(count)], np.int32), 5)},
        numbers={"price": np.linspace(-2, 2, count, dtype=np.float32)},
        published=np.array(PUBLISHED),
    )
    catalogue = Catalogue(
        np.array(ITEMS), np.arange(8, 0, -1), 0, gaps=4, window=WINDOW, mask_seen=False,
        contexts={"device": 4}, user_features={"group": 5}, features=features,
    )  # fmt: skip
    built = SequenceRanker(
        ModelOptions(embedding_dim=4, gap_embedding=True, bursts=(1, 2), architecture={"name": "lstm", "units": 6}),
        catalogue,
    )
    noise = np.random.default_rng(5)
    built.set_weights(
        [
            value + noise.normal(0, 0.3, value.shape) if value.dtype.kind == "f" else value
            for value in built.get_weights()
        ]
    )
    return built


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    export.export(model, Transform(), SPEC, str(folder), recommendations=10)
    return saved.load(folder)


def example(**features):
    def feature(values):
        if values and isinstance(values[0], str):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    parts = {name: feature(values) for name, values in features.items() if values}
    return tf.train.Example(features=tf.train.Features(feature=parts)).SerializeToString()


ROWS = [
    {"history": ["i1", "new"], "history_timestamp": [NOW - 9, NOW], "label": ["i0"], "label_timestamp": [NOW + 5],
     "history_context_device": ["phone", "fridge"], "user_feature_group": ["a", "c"], "seen": ["i7"]},
    {"history": ["i3", "junk", "i5"], "history_timestamp": [NOW - 9, NOW, NOW + 1], "label": ["new"],
     "label_timestamp": [NOW + 3 * HOUR], "history_context_device": ["tablet"] * 3},
    {"history": ["i5"], "history_timestamp": [NOW], "label": ["tomorrow, \U0001f600"], "label_timestamp": [NOW]},
    {"history": [], "label": ["i1"], "label_timestamp": [NOW - 30 * HOUR]},
    {"history": ["i2"], "history_timestamp": [NOW], "label": ["nobody's"], "user_feature_group": ["b"]},
]  # fmt: skip


def features(rows):
    """As the model takes them, made without the exported model."""
    names = {**dict(zip(ITEMS + COLD, range(2, 99), strict=False))}
    width = max(len(row["history"]) for row in rows)

    def padded(name, words, to):
        ids = [[words.get(value, 1) for value in row.get(name, [])] for row in rows]
        return tf.constant([row + [0] * (to - len(row)) for row in ids], tf.int64)

    times = [row.get("history_timestamp", []) for row in rows]
    return {
        "history": padded("history", names, width),
        "history_gap": tf.constant(
            [[t // HOUR % 4 for t in row] + [0] * (width - len(row)) for row in times], tf.int64
        ),
        "history_context_device": padded("history_context_device", {"phone": 2, "tablet": 3}, width),
        "user_feature_group": padded("user_feature_group", {"a": 2, "b": 3, "c": 4}, 2),
        "label": padded("label", names, 1)[:, 0],
        "seen": padded("seen", names, 1),
        "label_timestamp": tf.constant(
            [row.get("label_timestamp", [0])[0] or max(row["history_timestamp"]) for row in rows], tf.int64
        ),
    }


def test_saved_model_ranks_as_the_model_does_that_was_saved(model, exported):
    ranks = exported.evaluate([example(**row) for row in ROWS])
    np.testing.assert_array_equal(ranks.label_rank, model.label_ranks(features(ROWS)))
    np.testing.assert_array_equal(ranks.popularity_rank, model.popularity_ranks(features(ROWS)))


def test_a_row_is_answered_the_same_alone_and_in_a_batch(exported):
    examples = [example(**row) for row in ROWS]
    together = exported.serve(examples)
    for n, one in enumerate(examples):
        alone = exported.serve([one])
        np.testing.assert_array_equal(alone.item_ids[0], together.item_ids[n])
        np.testing.assert_allclose(alone.scores[0], together.scores[n], rtol=1e-4, atol=1e-6)


def test_cold_labels_have_a_rank_and_popularity_puts_them_last(exported):
    ranks = exported.evaluate([example(**row) for row in ROWS])
    assert ranks.label_rank[1] > 0
    assert ranks.popularity_rank[1] == 9  # of eight items and two cold ones
    assert ranks.label_rank[2] > 0, "a label counts though its item isn't published yet"
    assert (ranks.label_rank[4], ranks.popularity_rank[4]) == (0, 0)


def test_items_to_come_are_not_answered_and_items_of_unknown_publication_are(exported):
    long_ago, before, after = (set(exported.recommend([["i1"]], [[time]]).item_ids[0]) for time in (1, NOW, NOW + HOUR))
    assert long_ago == {"i7", ""}
    assert before == {*ITEMS, "new", ""}
    assert after == {*ITEMS, *COLD}


def test_a_request_of_unknown_time_is_asked_when_the_newest_item_is_published(exported):
    for history in (["i1"], []):
        assert set(exported.recommend([history]).item_ids[0]) == {*ITEMS, *COLD}


def test_a_request_later_than_its_last_event_is_answered_with_what_came_in_between(exported):
    early, late = ([["i1"], []], [[NOW - HOUR], []]), [NOW, NOW + HOUR]
    assert "new" in exported.recommend(*early).item_ids[0]
    assert COLD[1] not in exported.recommend(*early, now=[NOW, NOW]).item_ids
    answer = exported.recommend(*early, now=late)
    assert COLD[1] not in answer.item_ids[0]
    assert COLD[1] in answer.item_ids[1]
    said = [
        example(history=["i1"], history_timestamp=[NOW - HOUR], label_timestamp=[NOW]),
        example(label_timestamp=late[1:]),
    ]
    served = exported.serve(said)
    np.testing.assert_array_equal(answer.item_ids, served.item_ids)
    np.testing.assert_allclose(answer.scores, served.scores, rtol=1e-5)


def test_strangers_get_what_is_popular_and_published(exported):
    answer = exported.serve([example(label_timestamp=[NOW - 30 * HOUR])])
    assert answer.item_ids[0].tolist() == [*ITEMS[3:], *[""] * 5]  # i2 came 27 hours ago, i3 64
    np.testing.assert_allclose(answer.scores[0][:5], np.log([5, 4, 3, 2, 1]), rtol=1e-6)


def test_cold_items_can_be_in_a_history_and_be_excluded(exported):
    one, other = exported.recommend([["new"], ["junk"]]).scores
    assert not np.allclose(one, other)
    left = exported.recommend([["i1"]], exclude=[["new", COLD[1]]])
    assert set(left.item_ids[0]) == {*ITEMS, ""}


def test_contexts_and_user_features_change_answers(exported):
    plain = {"history": ["i1", "i2"], "history_timestamp": [NOW, NOW]}
    said = [{}, {"history_context_device": ["phone", "phone"]}, {"user_feature_group": ["a"]}]
    scores = exported.serve([example(**plain, **each) for each in said]).scores
    assert not np.allclose(scores[0], scores[1])
    assert not np.allclose(scores[0], scores[2])
    unknown = exported.serve([example(**plain, history_context_device=["?", "?"], user_feature_group=["?"])])
    np.testing.assert_allclose(unknown.scores[0], exported.recommend([["i1", "i2"]], [[NOW, NOW]]).scores[0], rtol=1e-5)


def test_fifty_steps_reach_what_recommend_answers(exported):
    draw = np.random.default_rng(6)
    names = [*ITEMS, *COLD, "junk"]
    histories = [[names[n] for n in draw.integers(len(names), size=50)] for _ in range(3)]
    times = (NOW - 60 * HOUR + np.sort(draw.integers(61 * HOUR, size=(3, 50)))).tolist()
    state = exported.initial_state(3)
    for items, at in zip(zip(*histories, strict=True), zip(*times, strict=True), strict=True):
        state = exported.step(state, items, at)
    stepped, whole = exported.rank(state), exported.recommend(histories, times)
    np.testing.assert_array_equal(stepped.item_ids, whole.item_ids)
    np.testing.assert_allclose(stepped.scores, whole.scores, rtol=1e-4, atol=1e-5)


def test_what_made_the_vectors_is_not_exported(model, exported):
    sizes = [tuple(variable.shape) for variable in exported._loaded._tracked]
    assert sizes.count((2 + len(ITEMS) + len(COLD), 4)) == 1
    assert tuple(model.items.shape) not in sizes
