"""The schedule's shape, and the large table's kernel held against Keras' own arithmetic."""

import numpy as np
import tensorflow as tf

from ranker import optimizer
from ranker.optimizer import Schedule
from ranker.training_options import TrainingOptions

OPTIONS = TrainingOptions(weight_decay=0.1, clip_norm=1.0, ema=0.9, epochs=1)


def trained(large, monkeypatch, steps=5):
    """A table and its average after some steps, by the kernel from so many numbers on."""
    monkeypatch.setattr(optimizer, "LARGE", large)
    rng = np.random.default_rng(0)
    table = tf.Variable(rng.normal(size=[7, 3]), dtype=tf.float32)
    made = optimizer.build(OPTIONS, steps)
    made.build([table])
    update = tf.function(lambda gradient: made.apply_gradients([(gradient, table)]))
    for _ in range(steps):
        update(tf.constant(rng.normal(size=[7, 3]), tf.float32))
    return table.numpy(), [variable.numpy() for variable in made.variables]


def test_the_kernel_does_what_keras_does(monkeypatch):
    (by_kernel, state), (by_keras, expected) = (trained(large, monkeypatch) for large in (0, 100))
    np.testing.assert_allclose(by_kernel, by_keras, rtol=1e-5)
    for one, other in zip(state, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_only_a_large_table_takes_the_kernel(monkeypatch):
    called = []
    kernel = tf.raw_ops.ResourceApplyAdam
    monkeypatch.setattr(tf.raw_ops, "ResourceApplyAdam", lambda **given: called.append(1) or kernel(**given))
    trained(22, monkeypatch)
    assert not called
    trained(21, monkeypatch)
    assert called


def test_a_gradient_by_rows_is_left_to_keras(monkeypatch):
    monkeypatch.setattr(optimizer, "LARGE", 0)
    table = tf.Variable(tf.ones([4, 2]))
    made = optimizer.build(OPTIONS.model_copy(update={"weight_decay": 0.0, "warm_up": 0.0}), 1)
    made.build([table])
    made.apply_gradients([(tf.IndexedSlices(tf.ones([1, 2]), [2], [4, 2]), table)])
    moved = np.flatnonzero((table.numpy() != 1.0).any(axis=1))
    np.testing.assert_array_equal(moved, [2])


def test_schedule_rises_and_then_falls_along_a_cosine():
    rate = Schedule(1.0, steps=12, warm_up=1 / 6, cosine=True)  # 2 steps of warm-up, 10 of cosine
    np.testing.assert_allclose([rate(0), rate(1), rate(2), rate(7), rate(12)], [0.5, 1.0, 1.0, 0.5, 0.0], atol=1e-6)
    assert float(Schedule(1.0, steps=10, warm_up=0.0, cosine=False)(9)) == 1.0
