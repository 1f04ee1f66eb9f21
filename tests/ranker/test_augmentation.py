"""What training rows become in an epoch."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from ranker.augmentation import Augmentation, shuffled, with_later_labels

#            a moment each, but for 3, 4, 5 and 6, 7
EVENTS = [2, 3, 4, 5, 6, 7, 8]
TIED = [0, 0, 1, 1, 0, 1]


def batch(events=EVENTS, width=8, loss_from=0):
    """One row; what stands beside an event is told by its id."""
    history, label = (np.pad(part, (0, width - len(part))) for part in (events[:-1], events[1:]))
    counts = (np.arange(width) >= loss_from) & (label > 0)
    return {
        "history": tf.constant([history], tf.int64),
        "history_context_device": tf.constant([10 * history], tf.int64),
        "history_gap": tf.range(width, dtype=tf.int64)[tf.newaxis],
        "label": tf.constant([label], tf.int64),
        "label_rating": tf.constant([label / 2], tf.float32),
        "weight": tf.constant([counts * label / 4.0], tf.float32),
    }


def tied(width=8):
    return tf.constant([np.pad(TIED, (0, width - len(TIED)))], tf.int64)


def shuffles(loss_from=0, count=200):
    made = batch(loss_from=loss_from)
    return [shuffled(made, tied(), tf.constant([loss_from], tf.int64), tf.constant([n, 0])) for n in range(count)]


def test_every_order_of_a_moment_comes_as_often_and_nothing_leaves_its_moment():
    found = collections.Counter(tuple(row["history"].numpy()[0, 1:4]) for row in shuffles(count=600))
    assert len(found) == 6
    assert all(sorted(order) == [3, 4, 5] for order in found)
    assert min(found.values()) > 60


def test_the_first_event_the_last_label_and_padding_stay():
    for row in shuffles():
        history, label = row["history"].numpy()[0], row["label"].numpy()[0]
        assert (history[0], *history[6:]) == (2, 0, 0)
        assert (label[5], *label[6:]) == (8, 0, 0)


def test_labels_and_what_stands_beside_events_follow_them():
    for row in shuffles(count=50):
        history, label = row["history"].numpy()[0], row["label"].numpy()[0]
        assert (label[:5] == history[1:6]).all()
        assert (row["history_context_device"].numpy()[0] == 10 * history).all()
        assert (row["label_rating"].numpy()[0] == label / 2).all()
        assert (row["weight"].numpy()[0] == label / 4).all()
        assert (row["history_gap"].numpy()[0] == np.arange(8)).all()


def test_an_event_that_the_window_before_has_counted_stays_uncounted():
    counted = {tuple(sorted(row["label"].numpy()[0][row["weight"].numpy()[0] > 0])) for row in shuffles(loss_from=2)}
    assert counted == {(5, 6, 7, 8)}


def test_the_same_seed_gives_the_same_order_and_another_one_another():
    first, again, other = (
        shuffled(batch(), tied(), tf.constant([0], tf.int64), tf.constant([n, 7])) for n in (1, 1, 2)
    )
    assert (first["history"].numpy() == again["history"].numpy()).all()
    assert (first["history"].numpy() != other["history"].numpy()).any()


def test_later_labels_are_as_frequent_as_the_geometric_distribution_says():
    share, decay, draws = 0.4, 0.5, 4000
    rows = {name: tf.repeat(value, draws, axis=0) for name, value in batch().items()}
    drawn = with_later_labels(rows, share, decay, tf.constant([3, 4]))["label"].numpy()[:, 2]  # 5, then 6, 7, 8
    expected = {5: 1 - share, **{6 + n: share * decay**n / 1.75 for n in range(3)}}
    for label, frequency in expected.items():
        assert (drawn == label).mean() == pytest.approx(frequency, abs=4 * np.sqrt(0.25 / draws))


def test_a_later_label_brings_its_weight_and_rating_and_the_last_one_stays():
    rows = {name: tf.repeat(value, 100, axis=0) for name, value in batch().items()}
    made = {name: value.numpy() for name, value in with_later_labels(rows, 0.9, 0.8, tf.constant([5, 6])).items()}
    assert (made["label"][:, 5] == 8).all()
    assert (made["label"][:, 6:] == 0).all()
    assert (made["label_rating"] == made["label"] / 2).all()
    assert (made["weight"] == made["label"] / 4).all()
    assert (made["label"][:, 0] != 3).any()


def test_as_many_labels_count_where_some_have_no_weight():
    made = batch(loss_from=1)
    made["weight"] *= tf.constant([[1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0]])
    rows = {name: tf.repeat(value, 50, axis=0) for name, value in made.items()}
    weights = with_later_labels(rows, 0.9, 0.8, tf.constant([5, 6]))["weight"].numpy()
    assert ((weights > 0) == (made["weight"].numpy() > 0)).all()


def test_rows_without_known_ties_stay_as_they_are():
    made = batch()
    same = Augmentation(shuffle_ties=True)(made, None, tf.constant([0], tf.int64), tf.constant([1, 2]))
    assert all((same[name].numpy() == made[name].numpy()).all() for name in made)
