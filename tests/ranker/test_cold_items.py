"""Items that training never saw are found by their features, on data whose order is planted."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue, Categories, ItemFeatures
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

KINDS, EACH, WINDOW = 6, 10, 8  # six categories of ten items with an id; after category k comes k + 1
KNOWN = KINDS * EACH
HOUR = 3_600_000  # milliseconds
START = 450_000 * HOUR  # in 2021
EVERY = 24 * HOUR  # so often each category gets a new item; item n of a category comes with the n-th


def catalogue(cold_each=1, published=None, *, table=True):
    """Item FIRST_ITEM + n has the category n % KINDS, cold ones included; counts are all alike."""
    cold = KINDS * cold_each
    kinds = Categories(2 + np.arange(KNOWN + cold)[:, None].astype(np.int32) % KINDS, 2 + KINDS)
    features = ItemFeatures(np.array([f"cold{n}" for n in range(cold)]), {"kind": kinds}, {}, published)
    items = np.array([f"i{n}" for n in range(KNOWN)])
    return Catalogue(items, np.full(KNOWN, 9), 0, 0, WINDOW, mask_seen=False, features=features if table else None)


def walks(draw, rows):
    """Categories round and round from a random start, and random items of them: ids [rows, WINDOW + 1]."""
    kinds = (draw.integers(KINDS, size=[rows, 1]) + np.arange(WINDOW + 1)) % KINDS
    return 2 + kinds + KINDS * draw.integers(EACH, size=kinds.shape)


def newest(draw, rows):
    """The same, but of each category the item that was newest at the time; and those times [rows, WINDOW + 1]."""
    kinds = (draw.integers(KINDS, size=[rows, 1]) + np.arange(WINDOW + 1)) % KINDS
    times = START + np.sort(draw.integers(EACH * EVERY, size=kinds.shape))
    return 2 + kinds + KINDS * ((times - START) // EVERY), times


def batch(ids, times=None):
    features = {"history": ids[:, :-1], "label": ids[:, 1:], "weight": np.ones(ids[:, 1:].shape, np.float32)}
    return features if times is None else {**features, "label_timestamp": times[:, 1:]}


def trained(given, make, steps=100, **options):
    tf.keras.utils.set_random_seed(7)
    draw = np.random.default_rng(8)
    model = SequenceRanker(
        ModelOptions(embedding_dim=16, dropout=0.0, architecture={"name": "lstm", "units": 16}, **options), given
    )
    model.compile(tf.keras.optimizers.Adam(0.02))
    data = [{name: tf.constant(value) for name, value in make(draw).items()} for _ in range(steps)]
    model.fit(tf.data.Dataset.from_generator(lambda: iter(data), output_signature=signature(data[0])), verbose=0)
    return model


def signature(features):
    return {name: tf.TensorSpec([None, *value.shape[1:]], value.dtype) for name, value in features.items()}


def asked(ids, label, time=None):
    """Rows that ask for the label after the ids."""
    times = {} if time is None else {"label_timestamp": tf.fill([len(ids)], tf.constant(time, tf.int64))}
    return {
        "history": tf.constant(ids),
        "label": tf.constant(label),
        "seen": tf.zeros([len(ids), 0], tf.int64),
        **times,
    }


def cold_questions():
    """Each walk's next item, were it the cold one of its category."""
    ids = walks(np.random.default_rng(9), 120)
    return ids[:, :-1], 2 + KNOWN + (ids[:, -1] - 2) % KINDS


def test_cold_items_are_ranked_among_the_items_of_their_category():
    model = trained(catalogue(), lambda draw: batch(walks(draw, 32)))
    ranks = model.label_ranks(asked(*cold_questions())).numpy()
    assert np.mean(ranks <= EACH + 1) > 0.9  # guessing gives 11 of 66
    assert np.mean(ranks) < 8  # one among equals, not behind all that have an id, as without id_dropout


def test_without_the_table_a_cold_label_is_a_miss():
    history, label = cold_questions()
    for model in (
        SequenceRanker(ModelOptions(embedding_dim=8), catalogue(table=False)),
        SequenceRanker(ModelOptions(embedding_dim=8, item_features=False), catalogue()),
    ):
        np.testing.assert_array_equal(model.label_ranks(asked(history, label)), 0)
        np.testing.assert_array_equal(model.popularity_ranks(asked(history, label)), 0)


def test_untrained_cold_items_are_as_popular_as_the_rarest():
    given = catalogue()
    counts = np.arange(1, KNOWN + 1)
    model = SequenceRanker(ModelOptions(embedding_dim=8), Catalogue(**{**vars(given), "counts": counts}))
    bias = model.candidates().numpy()[:, -2]
    np.testing.assert_allclose(bias[KNOWN:], bias[:KNOWN].min(), atol=0.06)  # embeddings begin within 0.05


@pytest.fixture(scope="module")
def aged():
    """Trained on news; of its cold items, two a category, the first come when training ends, the second a day later."""
    published = START + EVERY * np.repeat(np.arange(EACH + 2), KINDS)
    return trained(catalogue(2, published), lambda draw: batch(*newest(draw, 32)))


def test_of_two_items_of_one_category_the_newer_is_preferred(aged):
    history = walks(np.random.default_rng(9), 60)
    kinds = (history[:, -1] - 2 + 1) % KINDS
    older, newer = (
        aged.label_ranks(asked(history, 2 + KNOWN + kinds + KINDS * n, START + (EACH + 1) * EVERY + HOUR)).numpy()
        for n in range(2)
    )
    assert float(aged.age.slope) < 0
    assert np.mean(newer < older) > 0.9
    assert np.mean(newer == 1) > 0.9


def test_unpublished_items_are_left_out_until_their_time(aged):
    history = walks(np.random.default_rng(9), 60)
    kinds = (history[:, -1] - 2 + 1) % KINDS
    label = 2 + KNOWN + kinds  # the second cold one would be ahead: it is younger still
    ranks = aged.label_ranks(asked(history, label, START + EACH * EVERY + HOUR)).numpy()
    assert np.mean(ranks == 1) > 0.9


def test_age_can_be_left_out():
    model = SequenceRanker(ModelOptions(embedding_dim=8, age=False), catalogue(1, np.full(KNOWN + KINDS, START)))
    assert model.age is None
    assert not [weight for weight in model.weights if "slope" in weight.name]


def test_each_step_draws_other_ids_and_a_restored_state_the_same():
    model = SequenceRanker(ModelOptions(embedding_dim=8), catalogue())
    before = model.get_weights()
    first, second = (model.item_table(training=True).vectors.numpy() for _ in range(2))
    model.set_weights(before)
    again = model.item_table(training=True).vectors.numpy()
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(first, second)


def test_every_id_counts_outside_training():
    model = SequenceRanker(ModelOptions(embedding_dim=8, id_dropout=0.9), catalogue())
    one, other = (model.item_table().vectors.numpy() for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert len(np.unique(one[2 : 2 + KNOWN], axis=0)) == KNOWN


def test_values_are_averaged_and_missing_numbers_are_marked():
    columns = np.array([[2, 3, 0], [2, 0, 0], [0, 0, 0]], np.int32)
    price = np.array([1.0, np.nan, 40.0], np.float32)  # cut at 5
    features = ItemFeatures(np.array(["c"]), {"word": Categories(columns, 4)}, {"price": price})
    given = Catalogue(np.array(["a", "b"]), np.array([2, 1]), 0, 0, WINDOW, mask_seen=False, features=features)
    model = SequenceRanker(ModelOptions(embedding_dim=4, popularity_bias=False), given)
    (words, numbers), ids = np.split(model.tower.embeddings.numpy(), [4]), model.items.numpy()
    expected = [(words[2] + words[3]) / 2 + numbers[0], words[2] + numbers[1], 5 * numbers[0]]
    found = model.item_table()
    np.testing.assert_allclose(found.vectors[:2], ids[:2])
    np.testing.assert_allclose(found.vectors[2:], np.stack(expected)[:, :-1] + ids[[2, 3, 1]], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.bias, [0.0, 0.0, expected[2][-1]], rtol=1e-5)


def test_with_and_without_sparse_matrices_vectors_and_gradients_are_the_same():
    model = SequenceRanker(ModelOptions(embedding_dim=8, id_dropout=0.0), catalogue())
    weights = model.tower.trainable_variables

    def table_and_gradients(sparse):
        with tf.GradientTape() as tape:
            found = model.tower.training_table(tf.identity(model.items), tf.identity(model.bias), sparse=sparse)
            total = tf.reduce_sum(found.vectors**2)
        return [
            found.vectors,
            found.bias,
            *tape.gradient(total, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO),
        ]

    for one, other in zip(table_and_gradients(True), table_and_gradients(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
