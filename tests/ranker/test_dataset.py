"""Batches from files of sequences: what stands where, what counts, and the order by seed and epoch."""

import gc
import itertools

import numpy as np
import pytest
import tensorflow as tf

from ranker import dataset
from ranker.batches import widths
from ranker.dataset import evaluation_batches, training_data
from schemas.errors import ModelError

WINDOW = 8
SPEC = {name: tf.io.VarLenFeature(tf.int64) for name in ("history", "history_gap", "label", "loss_from", "seen")}


def row(history, label, loss_from=0, seen=(), gap=None, **weights):
    return {"history": history, "history_gap": gap or [1] * len(history), "label": label, "loss_from": [loss_from],
            "seen": list(seen), **weights}  # fmt: skip


def feature(name, values):
    if name in ("label_weight", "label_rating"):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    if name == "label_item":
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


@pytest.fixture
def write(tmp_path):
    """Writes rows as Transform does: gzip TFRecords of examples."""

    def write_rows(rows, name="rows.gz"):
        with tf.io.TFRecordWriter(str(tmp_path / name), "GZIP") as writer:
            for values in rows:
                features = {key: feature(key, value) for key, value in values.items()}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
        return [str(tmp_path / name)]

    return write_rows


def read(files, spec=SPEC, first_epoch=0, epochs=1, **knobs):
    knobs = {"batch_size": 4, "window": WINDOW, "seed": 0, **knobs}
    batches = training_data(files, spec, **knobs).batches(first_epoch, epochs)
    return [{name: value.numpy() for name, value in batch.items()} for batch in batches]


def test_labels_stand_beside_their_history_and_padding_on_the_right(write):
    (batch,) = read(write([row([2, 3, 4], [3, 4, 5])]), window=16)
    np.testing.assert_array_equal(batch["history"], [[2, 3, 4, 0]])  # a window of 16 has the widths 2, 4, 6 to 16
    np.testing.assert_array_equal(batch["history_gap"], [[1, 1, 1, 0]])
    np.testing.assert_array_equal(batch["label"], [[3, 4, 5, 0]])
    np.testing.assert_array_equal(batch["weight"], [[1, 1, 1, 0]])
    assert batch["weight"].dtype == np.float32


def test_labels_before_loss_from_and_unknown_ones_do_not_count(write):
    files = write([row([2, 3, 4, 5], [3, 4, 5, 6], loss_from=2), row([2, 3, 4, 5], [3, 1, 5, 1])])
    (batch,) = read(files)
    weights = {tuple(label): weight.tolist() for label, weight in zip(batch["label"], batch["weight"], strict=True)}
    assert weights == {(3, 4, 5, 6): [0, 0, 1, 1], (3, 1, 5, 1): [1, 0, 1, 0]}
    assert training_data(files, SPEC, batch_size=4, window=WINDOW, seed=0).positions == 4


def test_rows_whose_labels_are_all_before_loss_from_are_not_read(write):
    rows = [row([2, 3], [3, 4], loss_from=2), row([2, 3], [3, 4], loss_from=1), row([7], []), row([], [5])]
    data = training_data(write(rows), SPEC, batch_size=4, window=WINDOW, seed=0)
    assert data.rows == 3  # a user of one event, and the one label of a stranger, stay


def test_weights_of_labels_multiply_and_never_revive_one_that_does_not_count(write):
    spec = {**SPEC, "label_weight": tf.io.VarLenFeature(tf.float32)}
    files = write([row([2, 3, 4, 5], [3, 4, 1, 6], loss_from=1, label_weight=[9.0, 0.5, 2.0, 3.0])])
    (batch,) = read(files, spec)
    np.testing.assert_array_equal(batch["weight"], [[0, 0.5, 0, 3.0]])


def test_ratings_stand_at_their_labels_and_one_that_nobody_gave_is_unknown(write):
    spec = {**SPEC, "label_rating": tf.io.VarLenFeature(tf.float32)}
    (batch,) = read(write([row([2, 3, 4, 5], [3, 4], label_rating=[1.5, np.nan])]), spec)
    np.testing.assert_array_equal(batch["label_rating"], [[0, 0, 1.5, np.nan]])
    files = write([row([2], [4], label_rating=[3.0]), row([2], [4], label_rating=[])])
    (batch,) = evaluation_batches(files, spec, batch_size=4, window=WINDOW)
    np.testing.assert_array_equal(batch["label_rating"], [3.0, np.nan])


def test_one_label_of_an_evaluation_row_counts_at_the_last_position(write):  # what refit trains on
    (batch,) = read(write([row([2, 3, 4], [7], seen=[9])]), window=16)
    np.testing.assert_array_equal(batch["label"], [[0, 0, 7, 0]])
    np.testing.assert_array_equal(batch["weight"], [[0, 0, 1, 0]])


def test_order_follows_from_seed_and_epoch_and_resumes_anywhere(write):
    files = write([row([2 + n, 3 + n], [3 + n, 4 + n]) for n in range(40)])

    def order(**knobs):
        return [batch["history"][:, 0].tolist() for batch in read(files, **knobs)]

    whole = order(epochs=3)
    per_epoch = len(whole) // 3
    assert order(first_epoch=1, epochs=3) == whole[per_epoch:]
    assert order(first_epoch=2, epochs=3) == whole[2 * per_epoch :]
    first, second = whole[:per_epoch], whole[per_epoch : 2 * per_epoch]
    assert first != second
    assert sorted(itertools.chain(*first)) == sorted(itertools.chain(*second)) == list(range(2, 42))
    assert order(seed=1) != first


def test_ties_are_shuffled_by_seed_and_epoch_where_they_are_known(write):
    spec = {**SPEC, "history_tied": tf.io.VarLenFeature(tf.int64)}
    events = [row([2, 3, 4, 5, 6, 7], [3, 4, 5, 6, 7, 8], history_tied=[0, 0, 1, 1, 1, 1]) for _ in range(9)]
    files = write(events)

    def histories(spec, **knobs):
        return [batch["history"].tolist() for batch in read(files, spec, shuffle_ties=True, **knobs)]

    whole = histories(spec, epochs=2)
    assert histories(spec, first_epoch=1, epochs=2) == whole[len(whole) // 2 :]
    assert len({tuple(history[:6]) for batch in whole for history in batch}) > 9
    assert {tuple(history[:6]) for batch in histories(SPEC) for history in batch} == {(2, 3, 4, 5, 6, 7)}


def test_each_epoch_has_the_steps_it_says_and_every_row_once(write):
    rng = np.random.default_rng(0)
    rows = [row(*[list(range(2, 2 + n))] * 2) for n in rng.integers(1, WINDOW + 1, 50)]
    data = training_data(write(rows), SPEC, batch_size=4, window=WINDOW, seed=0)
    batches = list(data.batches(0, 1))
    assert data.rows == 50 == sum(batch["history"].shape[0] for batch in batches)
    assert data.steps_per_epoch == len(batches)
    assert data.positions == sum(len(r["label"]) for r in rows)
    assert {batch["history"].shape[1] for batch in batches} <= set(widths(WINDOW))


@pytest.fixture
def long_and_short(write):
    """Windows as SequenceGen cuts them of users with 20 to 1,000 events: some of each length, a third of them full."""
    lengths = np.minimum(np.random.default_rng(0).lognormal(4.6, 1.0, 1003).astype(int) + 20, 200)
    return write([row(list(range(2, 2 + n)), list(range(3, 3 + n))) for n in lengths])


def padding(batches):
    positions = sum(batch["history"].size for batch in batches)
    return 1 - sum(np.count_nonzero(batch["history"]) for batch in batches) / positions


def test_batches_of_like_length_hold_little_padding_and_have_few_shapes(long_and_short):
    plain = read(long_and_short, window=200, batch_size=32, fixed_width=True)
    assert padding(plain) > 0.35
    batches = read(long_and_short, window=200, batch_size=32)
    assert padding(batches) < 0.1
    assert {batch["history"].shape[1] for batch in batches} <= set(range(25, 201, 25))


@pytest.mark.parametrize("pool", [2, 64])
def test_no_width_and_no_epoch_leaves_a_small_batch_behind(long_and_short, monkeypatch, pool):
    monkeypatch.setattr(dataset, "_POOL", pool)
    batches = read(long_and_short, window=200, batch_size=32)
    sizes = [batch["history"].shape[0] for batch in batches]
    assert len(sizes) == 32  # 1,003 / 32 = 31.3
    assert sum(sizes) == 1003
    assert min(sizes) >= (31 if pool == 64 else 29)  # 15 pools of 63 rows and one of 58


def test_narrow_and_wide_batches_come_in_an_order_of_chance(long_and_short):
    found = [[batch["history"].shape[1] for batch in read(long_and_short, window=200, batch_size=32, first_epoch=n,
              epochs=n + 1)] for n in range(2)]  # fmt: skip
    assert found[0] != sorted(found[0])
    assert found[0] != found[1]


def test_evaluation_rows_come_once_with_their_label_and_what_was_seen(write):
    files = write([row([2, 3], [4], seen=[5, 6]), row([2], [1])])
    (batch,) = evaluation_batches(files, SPEC, batch_size=4, window=16)
    np.testing.assert_array_equal(batch["label"], [4, 1])
    np.testing.assert_array_equal(batch["seen"], [[5, 6], [0, 0]])
    np.testing.assert_array_equal(batch["history"], [[2, 3], [2, 0]])


def sparse(*names, **others):
    return {**SPEC, **{name: tf.io.VarLenFeature(tf.int64) for name in names}, **others}


def test_contexts_and_times_stand_at_their_positions_and_user_features_beside_the_row(write):
    spec = sparse("history_context_device", "user_feature_group", "label_timestamp")
    files = write(
        [
            row([2, 3, 4], [3, 4, 5], history_context_device=[7, 8, 9], user_feature_group=[2, 3],
                label_timestamp=[10, 20, 30]),
            row([2], [], history_context_device=[1], user_feature_group=[], label_timestamp=[]),
        ]
    )  # fmt: skip
    (batch,) = read(files, spec, fixed_width=True)
    by_length = np.argsort(-np.count_nonzero(batch["history"], axis=1))
    found = {name: value[by_length] for name, value in batch.items()}
    np.testing.assert_array_equal(found["history_context_device"][:, :4], [[7, 8, 9, 0], [1, 0, 0, 0]])
    np.testing.assert_array_equal(found["user_feature_group"], [[2, 3], [0, 0]])
    np.testing.assert_array_equal(found["label_timestamp"][:, :4], [[10, 20, 30, 0], [0, 0, 0, 0]])
    assert all(value.dtype == np.int64 for name, value in found.items() if name != "weight")


def test_cold_candidates_have_ids_beyond_the_vocabulary_and_other_labels_stay(write):
    spec = sparse("label_timestamp", label_item=tf.io.FixedLenFeature([1], tf.string))
    labels = [([1], ["new"]), ([1], ["never listed"]), ([4], [""])]
    files = write([row([2], label, label_item=item, label_timestamp=[5]) for label, item in labels])
    cold = evaluation_batches(
        files, spec, batch_size=4, window=WINDOW, cold_items=np.array(["newer", "new"]), first_cold=9
    )
    gc.collect()  # the table of names is held by nothing but the batches
    for _ in range(2):
        (batch,) = cold
        np.testing.assert_array_equal(batch["label"], [10, 1, 4])
        np.testing.assert_array_equal(batch["label_timestamp"], [5, 5, 5])
        assert "label_item" not in batch
    (batch,) = evaluation_batches(files, spec, batch_size=4, window=WINDOW)
    np.testing.assert_array_equal(batch["label"], [1, 1, 4])


def test_a_sample_of_rows_is_the_same_however_they_lie_in_files(write):
    rows = [row([2 + n], [3 + n]) for n in range(50)]
    same = [row([], [3], gap=[]) for _ in range(50)]

    def labels(files, most):
        found = evaluation_batches(files, SPEC, batch_size=8, window=WINDOW, most_rows=most)
        return sorted(label for batch in found for label in batch["label"].numpy().tolist())

    one, two = write(rows), write(rows[::-1][:20], "a.gz") + write(rows[::-1][20:], "b.gz")
    sample = labels(one, 20)
    assert labels(two, 20) == sample
    assert len(sample) == len(set(sample)) == 20
    assert set(labels(one, 10)) < set(sample)
    assert len(labels(one, 50)) == len(labels(one, None)) == 50
    share = labels(write(rows + same), 50).count(3) / 50
    assert 0.3 < share < 0.7  # equal rows are not taken all or none: about half of the rows are


@pytest.mark.parametrize("rows", [[row([2, 3], [1, 1])], [row([2, 3], [])]])
def test_nothing_to_learn_from_is_an_error_with_a_next_step(write, rows):
    with pytest.raises(ModelError, match="no label to learn from") as error:
        training_data(write(rows), SPEC, batch_size=4, window=WINDOW, seed=0)
    assert "min_frequency" in error.value.next_step


def test_no_file_is_an_error():
    with pytest.raises(ModelError, match="no file of sequences"):
        evaluation_batches([], SPEC, batch_size=4, window=WINDOW)
