"""Self-attention by its formula, and what a transformer sees."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.attention import CausalAttention, Transformer

WIDTH, WINDOW = 6, 4


def values(length=WINDOW, rows=2):
    return np.random.default_rng(0).normal(size=[rows, length, WIDTH]).astype(np.float32)


def transformer(dropout=0.0, window=WINDOW):
    tf.keras.utils.set_random_seed(2)
    layer = Transformer(blocks=2, heads=2, inside=5, width=WIDTH, window=window, dropout=dropout)
    layer(values())
    return layer


@pytest.mark.parametrize("heads", [1, 2, 4])  # 4 don't divide the width: one dimension each
def test_attention_is_a_softmax_of_products_up_to_each_position(heads):
    tf.keras.utils.set_random_seed(2)
    layer, x = CausalAttention(heads, WIDTH, 0.0), values()
    found, size = layer(x).numpy(), WIDTH // heads
    kernel, bias, out, out_bias = (weight.numpy() for weight in layer.trainable_weights)
    queries, keys, worth = np.split(x @ kernel + bias, 3, axis=-1)
    for row, t in np.ndindex(2, WINDOW):
        mixed = []
        for head in (slice(h * size, (h + 1) * size) for h in range(heads)):
            share = np.exp(keys[row, : t + 1, head] @ queries[row, t, head] / np.sqrt(size))
            mixed.append(share / share.sum() @ worth[row, : t + 1, head])
        np.testing.assert_allclose(found[row, t], np.concatenate(mixed) @ out + out_bias, rtol=1e-4, atol=1e-6)


def test_attention_with_16_bits_has_no_odd_numbers_however_far_the_logits():
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        layer = CausalAttention(1, WIDTH, 0.0)
        found = layer(100.0 * values())
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert found.dtype == tf.float16
    assert np.isfinite(found).all()


def test_the_same_item_at_another_position_is_another_input():
    layer, x = transformer(), np.repeat(values(1), WINDOW, axis=1)
    assert np.abs(np.diff(layer(x).numpy(), axis=1)).max() > 1e-3
    layer.positions.assign(tf.zeros_like(layer.positions))
    np.testing.assert_allclose(np.diff(layer(x).numpy(), axis=1), 0.0, atol=1e-5)


def test_padding_beyond_the_window_changes_nothing():
    layer, x = transformer(), values()
    wide = np.pad(x, [[0, 0], [0, 3], [0, 0]], constant_values=1.0)
    np.testing.assert_allclose(layer(wide)[:, :WINDOW], layer(x), rtol=1e-5, atol=1e-6)


def test_dropout_is_drawn_in_training_alone_and_again_from_the_same_state():
    layer, x = transformer(dropout=0.5), values()
    state = layer.get_weights()
    first, second = (layer(x, training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    layer.set_weights(state)
    np.testing.assert_array_equal(layer(x, training=True), first)
    np.testing.assert_array_equal(layer(x), layer(x))
