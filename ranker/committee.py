"""Several models in one, which answer by the mean of their scores.

Each member has embeddings and an architecture of its own and is trained against the labels by itself, so that members
err differently; together they err less (Lakshminarayanan, Pritzel, Blundell, NeurIPS 2017, on the same nets begun at
different random weights). Side by side in the width of one table, they rank the catalogue as one model does: the mean
of the members' products is the product of what they put side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from ranker import registry
from ranker.averages import with_averages
from ranker.layers import with_residual

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ranker.options import ModelOptions


class Committee(tf.keras.layers.Layer):
    """Architectures side by side, each on its own part of the width.

    Args:
        members: each from [B, T, width] to [B, T, width], as ranker.architectures says.
    """

    def __init__(self, members: Sequence[tf.keras.layers.Layer]) -> None:
        super().__init__(name="committee")
        self.members = list(members)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """inputs: [B, T, members * width] -> [B, T, members * width]; divided by the number of members."""
        parts = zip(self.members, parted(inputs, len(self.members)), strict=True)
        return self._joined([member(part, training=training) for member, part in parts])

    def _joined(self, outputs: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.concat(outputs, axis=-1) / len(self.members)


class RecurrentCommittee(Committee):
    """A committee of recurrent architectures; the state is all of theirs."""

    def __init__(self, members: Sequence[tf.keras.layers.Layer]) -> None:
        super().__init__(members)
        self.state_sizes = tuple(size for member in members for size in member.state_sizes)

    def step(self, x: tf.Tensor, states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """As RecurrentStack.step."""
        parts = zip(self.members, parted(x, len(self.members)), self._by_member(states), strict=True)
        return [after for member, part, before in parts for after in member.step(part, before)]

    def output(self, states: Sequence[tf.Tensor]) -> tf.Tensor:
        """As RecurrentStack.output."""
        members = zip(self.members, self._by_member(states), strict=True)
        return self._joined([member.output(own) for member, own in members])

    def _by_member(self, states: Sequence[tf.Tensor]) -> list[list[tf.Tensor]]:
        count = len(states) // len(self.members)
        return [list(states[n : n + count]) for n in range(0, len(states), count)]


def committee(options: ModelOptions, window: int) -> tf.keras.layers.Layer:
    """The architecture that the options ask for, as ranker.architectures says, of the options' whole width.

    Args:
        options: the model's knobs.
        window: most events that a history holds.
    """
    return joined([_member(options, window) for _ in range(options.members)])


def joined(members: Sequence[tf.keras.layers.Layer]) -> tf.keras.layers.Layer:
    """The members as one architecture, recurrent where they are; a single one as it is."""
    if len(members) == 1:
        return members[0]
    return (RecurrentCommittee if hasattr(members[0], "step") else Committee)(members)


def _member(options: ModelOptions, window: int) -> tf.keras.layers.Layer:
    chosen, width = options.architecture, options.embedding_dim
    layer = registry.load("architectures", chosen.name).build(chosen, width, options.dropouts[1], window)
    layer = with_residual(layer, width) if options.residual else layer
    return with_averages(layer, width, options.averages) if options.averages else layer


def parted(values: tf.Tensor, members: int) -> list[tf.Tensor]:
    """Each member's part of the width: [..., members * width] -> members times [..., width]."""
    return tf.split(values, members, axis=-1)
