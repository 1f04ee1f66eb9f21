"""Items drawn from the catalogue in each step of training: what ranker.negatives builds."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ranker.dropout import Uniform

if TYPE_CHECKING:
    from collections.abc import Sequence


class Sampler(tf.keras.layers.Layer, abc.ABC):
    """Draws columns of the catalogue. One of at most `count` items is taken whole instead, once each.

    TensorFlow's candidate samplers keep their state in the kernel, where no checkpoint can reach it; here it is a
    weight, and every replica draws the same.

    Args:
        expected: [n] float64, above 0: how often each item comes among the drawn ones, on average.
        count: how many are drawn in a step.
    """

    def __init__(self, expected: np.ndarray, count: int) -> None:
        super().__init__(dtype=tf.float32)
        self.whole = count >= len(expected)
        self.count = len(expected) if self.whole else count
        self.expected = np.ones(len(expected)) if self.whole else np.asarray(expected, np.float64)
        self.log_expected = tf.constant(np.log(self.expected), tf.float32)

    def columns(self, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Others at every call.

        Args:
            labels: [N] int64, columns of the step's labels.
            weights: [N] float32; 0 where a label doesn't count.
        Returns: [count] int64, the same item several times where it was drawn so.
        """
        if self.whole:
            return tf.range(self.count, dtype=tf.int64)
        # Keras asks for a batch beyond the last to learn that there is none; the state must not move on by that.
        with tf.control_dependencies([labels]):
            return self._draw(labels, weights)

    @abc.abstractmethod
    def _draw(self, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """[count] int64."""


class ByShare(Sampler):
    """Each item in proportion to a number of its own.

    One item is drawn from each of `count` equal parts of [0, 1), which leaves its expectation and is less noisy.

    Args:
        shares: [n], above 0, of any sum.
        count: how many are drawn in a step.
    """

    def __init__(self, shares: np.ndarray, count: int) -> None:
        normalised = np.asarray(shares, np.float64) / np.sum(shares, dtype=np.float64)
        super().__init__(normalised * count, count)
        # What is above the last bound belongs to the last item, however sums are rounded.
        self.bounds = tf.constant(np.cumsum(normalised)[:-1], tf.float64)
        self.uniform = Uniform(name="draws")

    def _draw(self, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return tf.searchsorted(self.bounds, _spread(self.uniform, self.count), side="right", out_type=tf.int64)


class InBatch(Sampler):
    """The labels of the step, those without a weight apart, each position as often as any other.

    A replica draws from the labels of its own rows, and so does a slice (ranker.slices).

    Args:
        counts: [n] int64, interactions of each item in the training split, which its labels are in proportion to.
        count: how many are drawn in a step; positions come several times where there are fewer.
    """

    def __init__(self, counts: np.ndarray, count: int) -> None:
        super().__init__(counts / np.sum(counts) * count, count)
        self.uniform = Uniform(name="draws")

    def _draw(self, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        upto = tf.cumsum(tf.cast(weights > 0, tf.float64))
        at = _spread(self.uniform, self.count) * tf.cast(tf.math.count_nonzero(weights > 0), tf.float64)
        positions = tf.searchsorted(upto, at, side="right")
        return tf.gather(tf.concat([labels, [0]], axis=0), positions)  # the last one where no label counts


class Mixture(Sampler):
    """What several samplers draw, side by side.

    Args:
        parts: at least one, of the same catalogue.
    """

    def __init__(self, parts: Sequence[Sampler]) -> None:
        super().__init__(np.sum([part.expected for part in parts], axis=0), sum(part.count for part in parts))
        self.parts = list(parts)

    def _draw(self, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return tf.concat([part.columns(labels, weights) for part in self.parts], axis=0)


def _spread(uniform: Uniform, count: int) -> tf.Tensor:
    """One number from each of `count` equal parts of [0, 1): [count] float64."""
    return (tf.range(count, dtype=tf.float64) + uniform.draw(count)) / count
