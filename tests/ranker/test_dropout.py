"""Dropout drops the share asked for, and its randomness can be saved and put back."""

import numpy as np
import pytest
import tensorflow as tf

from ranker.dropout import Dropout


def test_share_and_mean_are_kept_while_training():
    out = Dropout(0.25)(tf.ones([400, 400]), training=True).numpy()
    assert np.mean(out == 0.0) == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(out[out != 0.0], 1.0 / 0.75, rtol=1e-6)


def test_nothing_changes_when_not_training_or_at_rate_zero():
    x = tf.random.stateless_uniform([3, 4], [1, 2])
    np.testing.assert_array_equal(Dropout(0.5)(x), x)
    np.testing.assert_array_equal(Dropout(0.0)(x, training=True), x)


def test_state_put_back_draws_the_same_again():
    layer, x = Dropout(0.5), tf.ones([8, 8])
    call = tf.function(lambda: layer(x, training=True))
    call()
    saved = layer.get_weights()
    first, second = call().numpy(), call().numpy()
    layer.set_weights(saved)
    np.testing.assert_array_equal(call(), first)
    assert (first != second).any()


def test_process_seed_decides_the_masks():
    def draw():
        tf.keras.utils.set_random_seed(5)
        return Dropout(0.5)(tf.ones([8, 8]), training=True).numpy()

    np.testing.assert_array_equal(draw(), draw())
    tf.keras.utils.set_random_seed(5)
    assert (Dropout(0.5)(tf.ones([8, 8]), training=True) != Dropout(0.5)(tf.ones([8, 8]), training=True)).numpy().any()


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_impossible_rate_is_refused(rate):
    with pytest.raises(ValueError, match="rate in"):
        Dropout(rate)
