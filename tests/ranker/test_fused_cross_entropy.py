"""The loss and its gradient a few positions at a time, against the same from all logits at once."""

import numpy as np
import pytest
import tensorflow as tf

from ranker import fused_cross_entropy
from ranker.catalogue import Catalogue
from ranker.losses import cross_entropy
from ranker.past import Past

ITEMS, WIDTH, ROWS, LENGTH = 11, 4, 3, 5
CATALOGUE = Catalogue(np.array([f"i{n}" for n in range(ITEMS)]), np.ones(ITEMS, np.int64), 0, 0, LENGTH, mask_seen=True)


def arguments(count):
    draw = np.random.default_rng(count)
    queries, items, bias = (draw.normal(size=shape) for shape in ([count, WIDTH], [ITEMS, WIDTH], [ITEMS]))
    labels, weights = draw.integers(0, ITEMS, count), draw.uniform(0, 2, count).round(1)
    floats = [tf.constant(value, tf.float32) for value in (queries, weights, items, bias)]
    return [floats[0], tf.constant(labels, tf.int64), *floats[1:]]


def past(labels):
    """Of places in the flat ids, every second of them in a row that repeats an item."""
    ids = tf.constant(np.random.default_rng(1).integers(0, ITEMS + 2, [ROWS, LENGTH]), tf.int64)
    at = tf.constant(np.arange(len(labels)) % (ROWS * LENGTH), tf.int64)
    return Past.up_to(ids, at, labels, ITEMS)


def value_and_gradients(adjust, given, smoothing):
    loss = cross_entropy.build(cross_entropy.Options(label_smoothing=smoothing), CATALOGUE)

    @tf.function
    def run(queries, labels, weights, items, bias):
        with tf.GradientTape() as tape:
            tape.watch([queries, items, bias])
            total = 3.0 * loss(queries, labels, weights, items, bias, adjust)
        return [total, *tape.gradient(total, [queries, items, bias])]

    return run(*given)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("count", [0, 1, 4, 13])
def test_it_is_what_all_logits_at_once_give_whatever_the_number_of_positions(monkeypatch, count, masked, smoothing):
    monkeypatch.setattr(fused_cross_entropy, "_CACHED", 4 * 4 * ITEMS)  # four positions at a time
    monkeypatch.setattr(fused_cross_entropy, "_FEWEST", 1)
    monkeypatch.setattr(fused_cross_entropy, "threads_within", lambda: 1)
    given = arguments(count)
    behind = past(given[1]) if masked else None
    nothing = tf.zeros([count, ITEMS])
    plain = value_and_gradients(lambda _: nothing if behind is None else behind(None), given, smoothing)
    for found, expected in zip(value_and_gradients(behind, given, smoothing), plain, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_columns_that_nobody_learns_change_no_other_gradient():
    queries, labels, weights, items, bias = arguments(7)
    found = {}
    for fixed in (0, 2):
        with tf.GradientTape() as tape:
            tape.watch([queries, items, bias])
            total = fused_cross_entropy.cross_entropy(
                queries, labels, weights, items, bias, past(labels), 0.1, fixed=fixed
            )
        of_queries, of_items, of_bias = tape.gradient(total, [queries, items, bias])
        found[fixed] = [total, of_queries, of_items[:, : WIDTH - 2], of_bias]
    for some, all_of_them in zip(found[2], found[0], strict=True):
        np.testing.assert_allclose(some, all_of_them, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cores", [1, 4])
def test_logits_are_never_all_there_at_once(monkeypatch, cores):
    monkeypatch.setattr(fused_cross_entropy, "threads_within", lambda: cores)
    count = tf.constant(10**6)
    for size in (100, 10_000, 1_000_000):
        at_once = int(fused_cross_entropy._at_once(count, tf.constant(size)))
        assert at_once * size * 4 <= max(cores * fused_cross_entropy._CACHED, 32 * size * 4)
        assert at_once >= 32


def test_xla_compiles_it_to_the_same():
    given = arguments(13)
    behind = past(given[1])
    plain = value_and_gradients(behind, given, 0.1)
    loss = cross_entropy.build(cross_entropy.Options(label_smoothing=0.1), CATALOGUE)
    compiled = tf.function(lambda *each: 3.0 * loss(*each, behind), jit_compile=True)
    np.testing.assert_allclose(compiled(*given), plain[0], rtol=1e-4)
