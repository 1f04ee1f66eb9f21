"""Dropout whose randomness is a weight, so that a resumed training draws what an uninterrupted one would have drawn."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ranker import draws


class Dropout(tf.keras.layers.Layer):
    """Sets a share of the inputs to zero while training, and scales the rest up so that the mean stays.

    Keras' own Dropout keeps its state inside the running kernel, where no checkpoint can reach it. Here the state is
    a weight (ranker.draws). Source: Srivastava et al., JMLR 15, 2014.

    Args:
        rate: share of inputs that become zero, in [0, 1).
        by_row: the inputs' first axis are the step's rows; False for what all rows share, such as weights.
    Raises: ValueError: another rate.
    """

    def __init__(self, rate: float, by_row: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"Dropout needs a rate in [0, 1); got {rate}.")
        self.rate, self.by_row = rate, by_row

    def build(self, input_shape: tf.TensorShape) -> None:
        self.state = draws.add_state(self)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Any float tensor; the same shape and dtype come back, unchanged where not training."""
        if not training or self.rate == 0.0:
            return inputs
        keep = draws.uniform(self.state, tf.shape(inputs), by_row=self.by_row) >= self.rate
        return tf.where(keep, inputs / tf.cast(1.0 - self.rate, inputs.dtype), tf.zeros((), inputs.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "by_row": self.by_row}


class Lot(tf.keras.layers.Layer):
    """Draws which of n things a step of training goes without: whole rows of a table, or of a batch.

    Its randomness is a weight, as Dropout's is; every replica draws the same.

    Args:
        rate: share that is drawn, in [0, 1).
        by_row: the things are the step's rows.
    """

    def __init__(self, rate: float, by_row: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.by_row = rate, by_row
        self.state = draws.add_state(self)

    def drawn(self, count: tf.Tensor | int) -> tf.Tensor:
        """[count] bool."""
        return draws.uniform(self.state, tf.reshape(count, [1]), by_row=self.by_row) < self.rate


class Uniform(tf.keras.layers.Layer):
    """Numbers in [0, 1), others at every call, the same on every replica; its randomness is a weight, too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state = draws.add_state(self)

    def draw(self, count: int) -> tf.Tensor:
        """[count] float64."""
        return draws.uniform(self.state, [count], tf.float64)
