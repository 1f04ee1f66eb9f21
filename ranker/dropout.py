"""Dropout whose randomness is a weight, so that a resumed training draws what an uninterrupted one would have drawn."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

_KEYS = 2**31 - 1


class Dropout(tf.keras.layers.Layer):
    """Sets a share of the inputs to zero while training, and scales the rest up so that the mean stays.

    Keras' own Dropout keeps its state inside the running kernel, where no checkpoint can reach it. Here the state is
    a weight of two numbers, a key (drawn at build, as any initial weight, from the seed of the process) and the count
    of calls so far; both go where weights go. Sources: Srivastava et al., JMLR 15, 2014; Salmon et al., Parallel
    random numbers: as easy as 1, 2, 3, SC 2011 (the counter-based generator behind TensorFlow's stateless ops).

    Args:
        rate: share of inputs that become zero, in [0, 1).
    Raises: ValueError: another rate.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"Dropout needs a rate in [0, 1); got {rate}.")
        self.rate = rate

    def build(self, input_shape: tf.TensorShape) -> None:
        self.state = _state(self)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Any float tensor; the same shape and dtype come back, unchanged where not training."""
        if not training or self.rate == 0.0:
            return inputs
        keep = _draw(self.state, tf.shape(inputs)) >= self.rate
        return tf.where(keep, inputs / tf.cast(1.0 - self.rate, inputs.dtype), tf.zeros((), inputs.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


class Lot(tf.keras.layers.Layer):
    """Draws which of n things a step of training goes without: whole rows of a table, or of a batch.

    Its randomness is a weight, as Dropout's is; every replica draws the same.

    Args:
        rate: share that is drawn, in [0, 1).
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.state = _state(self)

    def drawn(self, count: tf.Tensor | int) -> tf.Tensor:
        """[count] bool."""
        return _draw(self.state, tf.reshape(count, [1])) < self.rate


class Uniform(tf.keras.layers.Layer):
    """Numbers in [0, 1), others at every call, the same on every replica; its randomness is a weight, too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state = _state(self)

    def draw(self, count: int) -> tf.Tensor:
        """[count] float64."""
        return _draw(self.state, [count], tf.float64)


def _state(layer: tf.keras.layers.Layer) -> tf.Variable:
    return layer.add_weight(
        name="state",
        shape=(2,),
        dtype=tf.int64,
        initializer=_first_state,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


def _draw(state: tf.Variable, shape: tf.Tensor | list[int], dtype: tf.DType = tf.float32) -> tf.Tensor:
    """Uniform in [0, 1), others at every call."""
    seed = tf.identity(state)
    state.assign_add(tf.constant([0, 1], tf.int64))
    return tf.random.stateless_uniform(shape, seed, dtype=dtype)


def _first_state(shape: tuple[int, ...], dtype: tf.DType = tf.int64, **_: Any) -> tf.Tensor:
    """A key and a count of zero: [2] int64."""
    del shape
    return tf.stack([tf.random.uniform((), maxval=_KEYS, dtype=dtype), tf.zeros((), dtype)])
