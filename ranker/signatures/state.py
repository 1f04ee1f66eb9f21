"""The state that `step` hands on, as one flat vector of float32 a row.

[B, S] = states of ranker.signatures.steps, one after the other | events the model knows | day, second of it,
millisecond of it of the last event. A float32 holds whole numbers up to 2^24, so each part of the time is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECOND = 1_000  # milliseconds
_DAY = 86_400 * _SECOND
_EXTRA = 4  # known events, and the three parts of the time


def width(state_sizes: Sequence[int]) -> int:
    """S."""
    return sum(state_sizes) + _EXTRA


def unpack(state: tf.Tensor, state_sizes: Sequence[int]) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
    """[B, S] float32 -> the architecture's states, known events [B] float32, time of the last event [B] int64."""
    *states, known, day, second, millisecond = tf.split(state, [*state_sizes, *[1] * _EXTRA], axis=1)
    parts = [tf.cast(tf.round(part[:, 0]), tf.int64) for part in (day, second, millisecond)]
    return states, known[:, 0], parts[0] * _DAY + parts[1] * _SECOND + parts[2]


def pack(states: Sequence[tf.Tensor], known: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """The inverse of `unpack`."""
    parts = [last // _DAY, last % _DAY // _SECOND, last % _SECOND]
    tail = tf.stack([known, *[tf.cast(part, tf.float32) for part in parts]], axis=1)
    return tf.concat([*[tf.cast(state, tf.float32) for state in states], tail], axis=1)
