"""Running averages of a history beside what an architecture makes of it.

At decay d the average of the inputs x_1 to x_t is sum d^(t - s) x_s / sum d^(t - s): the last input alone at d = 0, and
nearly the plain mean of the last 1 / (1 - d). An LSTM has to learn to keep sums over long stretches; here they are
given, each with a matrix of its own to the query. They are linear recurrences with fixed decays, in the spirit of
LRURec's learned ones (Yue et al., WSDM 2024).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from ranker.layers import at

if TYPE_CHECKING:
    from collections.abc import Sequence


class Averages(tf.keras.layers.Layer):
    """Adds matrices times averages of what goes into a layer to what comes out of it.

    Args:
        inner: from [B, T, width] to [B, T, width].
        width: of both.
        decays: of the averages, each in [0, 1).
    """

    def __init__(self, inner: tf.keras.layers.Layer, width: int, decays: Sequence[float]) -> None:
        super().__init__(name="averages")
        self.inner, self.decays = inner, tuple(decays)
        self.width = width
        self.weigh = tf.keras.layers.Dense(width, use_bias=False)

    def call(self, inputs: tf.Tensor, training: bool = False, last: tf.Tensor | None = None) -> tf.Tensor:
        """As RecurrentStack.call."""
        outputs, shares = at(self.inner(inputs, training=training), last), self._shares(tf.shape(inputs)[1])
        if last is None:
            return outputs + mixed(self.weigh, inputs, shares[tf.newaxis])
        return outputs + mixed_once(self.weigh, inputs, tf.gather(shares, last))

    @property
    def _size(self) -> int:
        return self.width * len(self.decays)

    def _shares(self, length: tf.Tensor) -> tf.Tensor:
        """How much of each average at t comes from s: [T, S, R] float32, each average's sum 1."""
        at = tf.range(length)
        distance = tf.cast(at[:, tf.newaxis] - at, tf.float32)[:, :, tf.newaxis]
        power = tf.pow(tf.constant(self.decays, tf.float32), tf.maximum(distance, 0.0))
        weights = tf.where(distance >= 0.0, power, 0.0)
        return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


class RecurrentAverages(Averages):
    """Averages around a recurrent architecture; the state also holds their sums and what to divide them by."""

    def __init__(self, inner: tf.keras.layers.Layer, width: int, decays: Sequence[float]) -> None:
        super().__init__(inner, width, decays)
        self.state_sizes = (*inner.state_sizes, self._size, len(self.decays))

    def step(self, x: tf.Tensor, states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """As RecurrentStack.step."""
        *inner, sums, totals = states
        return [*self.inner.step(x, inner), *added(sums, totals, x, tf.constant(self.decays, x.dtype))]

    def output(self, states: Sequence[tf.Tensor]) -> tf.Tensor:
        """As RecurrentStack.output."""
        *inner, sums, totals = states
        return self.inner.output(inner) + self.weigh(means(sums, totals))


def with_averages(architecture: tf.keras.layers.Layer, width: int, decays: Sequence[float]) -> tf.keras.layers.Layer:
    """The architecture with averages beside it; recurrent where it is."""
    kind = RecurrentAverages if hasattr(architecture, "step") else Averages
    return kind(architecture, width, decays)


def added(sums: tf.Tensor, totals: tf.Tensor, x: tf.Tensor, kept: tf.Tensor) -> list[tf.Tensor]:
    """Sums and what to divide them by, with one position more.

    Args:
        sums: [B, R * D]. totals: [B, R]. Zeros before the first position.
        x: [B, D].
        kept: [R] or [B, R], the share of each that stays.
    """
    size, width = sums.shape[-1], x.shape[-1]
    before = tf.reshape(sums, [-1, size // width, width])
    after = kept[..., tf.newaxis] * before + x[:, tf.newaxis]
    return [tf.reshape(after, [-1, size]), kept * totals + 1.0]


def means(sums: tf.Tensor, totals: tf.Tensor) -> tf.Tensor:
    """[B, R * D] and [B, R] -> [B, R * D]."""
    size, count = sums.shape[-1], totals.shape[-1]
    parts = tf.reshape(sums, [-1, count, size // count]) / tf.maximum(totals, 1.0)[:, :, tf.newaxis]
    return tf.reshape(parts, [-1, size])


def mixed(weigh: tf.keras.layers.Dense, inputs: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """What a matrix makes of several mixtures of the inputs: weigh of [B, T, R * D], without these ever being there.

    Each input goes through each mixture's matrix first, so that what is mixed lies as a product of matrices wants it.

    Args:
        weigh: from R * D to its units.
        inputs: [B, T, D].
        shares: [B or 1, T, S, R], how much of mixture r at t comes from s.
    Returns: [B, T, units].
    """
    length, width, count = tf.shape(inputs)[1], inputs.shape[-1], shares.shape[-1]
    if not weigh.built:
        weigh.build([None, None, count * width])
    kernel = tf.cast(weigh.kernel, inputs.dtype)
    kernel = tf.transpose(tf.reshape(kernel, [count, width, weigh.units]), [1, 0, 2])
    each = tf.matmul(tf.reshape(inputs, [-1, width]), tf.reshape(kernel, [width, count * weigh.units]))
    each = tf.reshape(each, [-1, length * count, weigh.units])
    return tf.matmul(tf.reshape(tf.cast(shares, inputs.dtype), [-1, length, length * count]), each)


def mixed_once(weigh: tf.keras.layers.Dense, inputs: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """As `mixed`, at one place of each row: shares [B, S, R] -> [B, units]."""
    found = tf.matmul(tf.cast(shares, inputs.dtype), inputs, transpose_a=True)
    return weigh(tf.reshape(found, [-1, shares.shape[-1] * inputs.shape[-1]]))
