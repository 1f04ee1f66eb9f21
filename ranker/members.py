"""Architectures side by side in one model, each with vectors of its own for all items; the mean of their scores counts.

Trainings that differ in nothing but chance make different mistakes, and the mean of their scores makes fewer than each
(Lakshminarayanan et al., Simple and scalable predictive uncertainty estimation using deep ensembles, NeurIPS 2017).
Here they are one training: every table is as wide as all members together, each member reads and writes its own stretch
of that width, and has a loss of its own. A mean of products of stretches is one product of the whole, so that scoring,
evaluation and serving need not know. What stands beside the stretches (biases, ranker.long_term) is shared.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ranker.layers import shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Members(tf.keras.layers.Layer):
    """Layers side by side, each on its own stretch of the last dimension.

    Args:
        layers: from [..., width] to [..., width] each; where they have `step`, all of one kind.
    """

    def __init__(self, layers: Sequence[tf.keras.layers.Layer]) -> None:
        super().__init__(name="members")
        self.layers = list(layers)

    def call(self, inputs: tf.Tensor, *more: tf.Tensor, **arguments: Any) -> tf.Tensor:
        """inputs: [..., members * width], and of it again; `more` and `arguments` are every member's."""
        parts = tf.split(inputs, len(self.layers), axis=-1)
        outputs = [layer(part, *more, **arguments) for layer, part in zip(self.layers, parts, strict=True)]
        return tf.concat(outputs, axis=-1)


class RecurrentMembers(Members):
    """Members that have states: those of the first, then those of the next."""

    def __init__(self, layers: Sequence[tf.keras.layers.Layer]) -> None:
        super().__init__(layers)
        self.state_sizes = tuple(itertools.chain.from_iterable(layer.state_sizes for layer in layers))

    def step(self, x: tf.Tensor, *rest: Any) -> list[tf.Tensor]:
        """As a member's own, of x [B, members * width]; the states come last."""
        *more, states = rest
        parts = zip(self.layers, tf.split(x, len(self.layers), axis=-1), shares(states, len(self.layers)), strict=True)
        return list(itertools.chain.from_iterable(layer.step(part, *more, own) for layer, part, own in parts))

    def output(self, states: Sequence[tf.Tensor]) -> tf.Tensor:
        """What stands at the position that led to these states: [B, members * width]."""
        outputs = [layer.output(own) for layer, own in zip(self.layers, shares(states, len(self.layers)), strict=True)]
        return tf.concat(outputs, axis=-1)


def side_by_side(build: Callable[[], tf.keras.layers.Layer], members: int) -> tf.keras.layers.Layer:
    """That many of what `build` makes; of one, itself."""
    layers = [build() for _ in range(members)]
    if members == 1:
        return layers[0]
    return RecurrentMembers(layers) if hasattr(layers[0], "step") else Members(layers)


def each(members: int, width: int, *tables: tf.Tensor) -> Iterator[tuple[tf.Tensor, ...]]:
    """The stretch of each member, with what all share behind it.

    Args:
        members: how many.
        width: of one's stretch.
        tables: [..., members * width + r] each.
    Yields: a member's part of each table, [..., width + r].
    """
    if members == 1:
        yield tables
        return
    for n in range(members):
        own, shared = slice(n * width, (n + 1) * width), slice(members * width, None)
        yield tuple(tf.concat([table[..., own], table[..., shared]], axis=-1) for table in tables)


def mean(queries: tf.Tensor, members: int, width: int) -> tf.Tensor:
    """Queries [..., members * width + r] whose product with candidates is the mean of the members'."""
    if members == 1:
        return queries
    own, shared = queries[..., : members * width], queries[..., members * width :]
    return tf.concat([own / tf.cast(members, own.dtype), shared], axis=-1)
