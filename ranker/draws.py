"""Random numbers of a training step: others at every step, from weights, and the same however its rows are divided.

The state is a weight of two numbers, a key (drawn at build, as any initial weight, from the seed of the process) and
the count of calls so far; both go where weights go. A generator that counts gives the n-th number without those before
it (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011; it is behind TensorFlow's stateless ops), so a
slice of a step's rows can draw what the whole would have drawn for them.
"""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any, Final

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = 2**31 - 1
TOGETHER: Final = 4  # numbers of 32 bits that one count gives
_PHILOX: Final = 1  # TensorFlow's number for the generator that all of its kernels have


def add_state(layer: tf.keras.layers.Layer) -> tf.Variable:
    """A weight of that layer to draw from."""
    return layer.add_weight(
        name="state",
        shape=(2,),
        dtype=tf.int64,
        initializer=_first_state,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


def uniform(
    state: tf.Variable, shape: tf.Tensor | list[int], dtype: tf.DType = tf.float32, *, by_row: bool = False
) -> tf.Tensor:
    """Uniform in [0, 1), others at every call.

    Args:
        state: made by add_state.
        shape: [r] integers.
        dtype: of the numbers.
        by_row: the first axis are rows of the step, float32: each slice of them has numbers of its own. Otherwise all
            slices have the same.
    """
    step = _step.get()
    if step is None:
        return tf.random.stateless_uniform(shape, _next(state), dtype=dtype)
    seed = step.seed(state)
    if not by_row:
        return tf.random.stateless_uniform(shape, seed, dtype=dtype)
    before = tf.cast(step.first, tf.int64) * tf.reduce_prod(tf.cast(shape, tf.int64)[1:]) // TOGETHER
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    counter += tf.cast(tf.stack([before, tf.zeros_like(before)]), tf.uint64)
    return tf.raw_ops.StatelessRandomUniformV2(shape=shape, key=key, counter=counter, alg=_PHILOX, dtype=dtype)


class Step:
    """What is drawn in one step whose rows are divided into slices, each of which goes the same way.

    No slice moves a state on, so that none waits for another; `end` does, when all are through.
    """

    def __init__(self) -> None:
        self.first: tf.Tensor | int = 0
        self._calls: dict[int, int] = {}
        self._states: dict[int, tf.Variable] = {}

    @contextlib.contextmanager
    def rows_from(self, first: tf.Tensor | int) -> Iterator[None]:
        """Draws for the slice that begins with that row, a multiple of TOGETHER."""
        self.first, self._calls = first, {}
        token = _step.set(self)
        try:
            yield
        finally:
            _step.reset(token)

    def seed(self, state: tf.Variable) -> tf.Tensor:
        """[2] int64: what the n-th call in a step without slices would have drawn from, for a slice's n-th call."""
        call = self._calls.get(id(state), 0)
        self._calls[id(state)], self._states[id(state)] = call + 1, state
        return state + tf.constant([0, call], tf.int64)

    def end(self) -> None:
        """Moves each state on by what a slice has drawn from it."""
        for key, state in self._states.items():
            state.assign_add(tf.constant([0, self._calls[key]], tf.int64))


_step: contextvars.ContextVar[Step | None] = contextvars.ContextVar("step", default=None)


def _next(state: tf.Variable) -> tf.Tensor:
    """What to draw from now; the state moves on."""
    seed = tf.identity(state)
    state.assign_add(tf.constant([0, 1], tf.int64))
    return seed


def _first_state(shape: tuple[int, ...], dtype: tf.DType = tf.int64, **_: Any) -> tf.Tensor:
    """A key and a count of zero: [2] int64."""
    del shape
    return tf.stack([tf.random.uniform((), maxval=_KEYS, dtype=dtype), tf.zeros((), dtype)])
