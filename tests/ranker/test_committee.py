"""Several models in one."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.committee import RecurrentCommittee, joined
from ranker.layers import RecurrentStack
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

MEMBERS, WIDTH = 3, 4


def lstm():
    return RecurrentStack([tf.keras.layers.LSTM(5, return_sequences=True)], [5, 5], WIDTH, 0.0)


def model(members, **options):
    catalogue = Catalogue(
        items=np.array([f"i{n}" for n in range(6)], object),
        counts=np.arange(6, 0, -1),
        users=0,
        gaps=0,
        window=5,
        mask_seen=True,
    )
    return SequenceRanker(ModelOptions(members=members, embedding_dim=WIDTH, **options), catalogue)


def batch():
    history = tf.constant([[2, 3, 4, 5], [6, 2, 0, 0]], tf.int64)
    label = tf.constant([[3, 4, 5, 6], [2, 7, 0, 0]], tf.int64)
    return {"history": history, "label": label, "weight": tf.cast(label > 0, tf.float32)}


def test_steps_one_by_one_give_what_the_whole_history_gives():
    layer = joined([lstm() for _ in range(MEMBERS)])
    assert isinstance(layer, RecurrentCommittee)
    x = np.random.default_rng(0).normal(size=[2, 5, MEMBERS * WIDTH]).astype(np.float32)
    whole = layer(x)
    states = [tf.zeros([2, size]) for size in layer.state_sizes]
    for t in range(5):
        states = layer.step(tf.constant(x[:, t]), states)
        np.testing.assert_allclose(layer.output(states), whole[:, t], rtol=1e-5, atol=1e-6)


def test_one_member_is_the_architecture_itself():
    alone = lstm()
    assert joined([alone]) is alone


@pytest.mark.parametrize("architecture", ["lstm", "sasrec"])
def test_scores_are_the_mean_of_the_members_and_the_loss_that_of_their_losses(architecture):
    many, one = model(MEMBERS, architecture=architecture), model(1, architecture=architecture)
    rows, scores, losses = batch(), [], []
    for n, member in enumerate(many.architecture.members):
        one.items.assign(many.items[:, WIDTH * n : WIDTH * (n + 1)])
        one.architecture.set_weights(member.get_weights())
        scores.append(one.query(rows) @ tf.transpose(one.items))
        losses.append(one.compute_loss(rows))
    found = many.query(rows) @ tf.transpose(many.items)
    np.testing.assert_allclose(found, tf.reduce_mean(scores, axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(many.compute_loss(rows), tf.reduce_mean(losses), rtol=1e-5)


def test_members_learn_from_labels_by_themselves():
    many = model(2, dropout=0.0, averages=())
    with tf.GradientTape() as tape:
        loss = many.compute_loss(batch(), training=True)
    gradient = tf.convert_to_tensor(tape.gradient(loss, many.items))
    other = model(2, dropout=0.0, averages=())
    other.set_weights(many.get_weights())
    other.items.assign(tf.concat([many.items[:, :WIDTH], 7.0 * many.items[:, WIDTH:]], axis=1))
    with tf.GradientTape() as tape:
        loss = other.compute_loss(batch(), training=True)
    changed = tf.convert_to_tensor(tape.gradient(loss, other.items))
    np.testing.assert_allclose(gradient[:, :WIDTH], changed[:, :WIDTH], rtol=1e-5, atol=1e-8)
    assert np.abs(gradient[:, WIDTH:] - changed[:, WIDTH:]).max() > 1e-4
