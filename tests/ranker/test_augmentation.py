"""What training rows become in an epoch."""

import collections

import numpy as np
import tensorflow as tf

from ranker.augmentation import shuffled

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
