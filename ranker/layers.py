"""Parts that architectures share."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ranker import recurrence
from ranker.dropout import Dropout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class RecurrentStack(tf.keras.layers.Layer):
    """Recurrent layers one above the other, dropout after each, and a projection back to the embeddings' width.

    No mask goes in: padding stands on the right and a position never sees later ones, so positions that hold an event
    don't depend on it, and without a mask cuDNN's kernel needs no check of the padding at run time.

    Dropped recurrent weights are drawn once a step of training, for all rows and positions (DropConnect: Wan et al.,
    ICML 2013; on LSTMs: Merity, Keskar, Socher, ICLR 2018). Keras' own recurrent dropout would leave cuDNN's kernel,
    which can't drop anything between two positions, and hides its randomness where no checkpoint reaches it.

    Args:
        layers: Keras RNN layers of one width that return sequences and have a `cell`.
        state_sizes: floats of each state, all layers in order; a layer's first is what it puts out.
        width: of what comes out.
        dropout: share of what each layer puts out that is dropped in training.
        recurrent_dropout: share of each layer's recurrent weights that a step of training goes without.
        residual: add what goes into each layer above the first to what it puts out.
        layer_norm: normalise what each layer puts out, after that addition.
    """

    def __init__(
        self,
        layers: Sequence[tf.keras.layers.RNN],
        state_sizes: Sequence[int],
        width: int,
        dropout: float,
        *,
        recurrent_dropout: float = 0.0,
        residual: bool = False,
        layer_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.layers, self.state_sizes, self.residual = list(layers), tuple(state_sizes), residual
        self.dropouts = [Dropout(dropout) for _ in self.layers]
        self.thinned = [Dropout(recurrent_dropout, by_row=False) for _ in self.layers] if recurrent_dropout else []
        self.norms = [tf.keras.layers.LayerNormalization() for _ in self.layers] if layer_norm else []
        self.projection = tf.keras.layers.Dense(width)

    def build(self, input_shape: tf.TensorShape) -> None:
        for layer, thinned in zip(self.layers, self.thinned, strict=False):  # the weights must be there to be thinned
            with tf.name_scope(layer.name):
                layer.build(tf.TensorShape([None, None, input_shape[-1]]))
            thinned.build(layer.cell.recurrent_kernel.shape)
            input_shape = [layer.cell.units]
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False, last: tf.Tensor | None = None) -> tf.Tensor:
        """inputs: [B, T, width] -> [B, T, width], T at least 1; [B, width] at the places `last` [B], if given."""
        for n, (layer, dropout) in enumerate(zip(self.layers, self.dropouts, strict=True)):
            with self._thin(n, training):
                fast = training and recurrence.takes(layer, inputs)
                outputs = recurrence.outputs(layer.cell, inputs) if fast else layer(inputs)
            inputs = self._joined(n, dropout(outputs, training=training), inputs)
        return self.projection(at(inputs, last))

    @contextlib.contextmanager
    def _thin(self, n: int, training: bool) -> Iterator[None]:
        """Layer n without some of its recurrent weights, which Keras' layers read when they are called."""
        if not self.thinned or not training:
            yield
            return
        attributes = self.layers[n].cell.__dict__  # past Keras' tracking: what stands there for a moment is no weight
        whole = attributes["recurrent_kernel"]
        dropped = self.thinned[n](tf.convert_to_tensor(whole), training=True)
        attributes["recurrent_kernel"] = dropped
        try:
            yield
        finally:
            attributes["recurrent_kernel"] = whole

    def _joined(self, n: int, outputs: tf.Tensor, inputs: tf.Tensor) -> tf.Tensor:
        """What layer n hands on, given what it put out and what went in."""
        if self.residual and n:
            outputs += inputs
        if not self.norms:
            return outputs
        # Keras fixes the axis at build, which whole histories do: a step is a history of one position.
        alone = outputs.shape.rank == 2
        normed = self.norms[n](outputs[:, tf.newaxis] if alone else outputs)
        return normed[:, 0] if alone else normed

    def step(self, x: tf.Tensor, states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """One position more.

        Args:
            x: [B, width].
            states: one [B, state_sizes[i]] each; zeros before the first position.
        Returns: the states after it.
        """
        after: list[tf.Tensor] = []
        for n, (layer, before) in enumerate(zip(self.layers, shares(states, len(self.layers)), strict=True)):
            outputs, new = layer.cell(x, before)
            after += tf.nest.flatten(new)
            x = self._joined(n, outputs, x)
        return after

    def output(self, states: Sequence[tf.Tensor]) -> tf.Tensor:
        """What stands at the position that led to these states: [B, width]."""
        x = states[0]
        for n, (outputs, *_) in enumerate(shares(states, len(self.layers))):
            x = self._joined(n, outputs, x)
        return self.projection(x)


class Residual(tf.keras.layers.Layer):
    """Adds what goes into a layer to what comes out of it, times a weight of each dimension that begins at 1.

    Args:
        inner: from [B, T, width] to [B, T, width].
        width: of both.
    """

    def __init__(self, inner: tf.keras.layers.Layer, width: int) -> None:
        super().__init__(name="residual")
        self.inner = inner
        self.scale = self.add_weight(name="scale", shape=[width], initializer="ones")

    def call(self, inputs: tf.Tensor, training: bool = False, last: tf.Tensor | None = None) -> tf.Tensor:
        """As RecurrentStack.call."""
        return at(self.inner(inputs, training=training), last) + self.scale * at(inputs, last)


class RecurrentResidual(Residual):
    """Residual around a recurrent architecture; the state also holds what went in last."""

    def __init__(self, inner: tf.keras.layers.Layer, width: int) -> None:
        super().__init__(inner, width)
        self.state_sizes = (*inner.state_sizes, width)

    def step(self, x: tf.Tensor, states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """As RecurrentStack.step."""
        return [*self.inner.step(x, states[:-1]), x]

    def output(self, states: Sequence[tf.Tensor]) -> tf.Tensor:
        """As RecurrentStack.output."""
        return self.inner.output(states[:-1]) + self.scale * states[-1]


def with_residual(architecture: tf.keras.layers.Layer, width: int) -> tf.keras.layers.Layer:
    """The architecture, with its input added to its output; recurrent where it is."""
    kind = RecurrentResidual if hasattr(architecture, "step") else Residual
    return kind(architecture, width)


def shares(states: Sequence[tf.Tensor], layers: int) -> list[list[tf.Tensor]]:
    """The states of each of so many layers, which have equally many, one layer's behind the other's."""
    count = len(states) // layers
    return [list(states[n : n + count]) for n in range(0, len(states), count)]


def at(values: tf.Tensor, places: tf.Tensor | None) -> tf.Tensor:
    """[B, T, ...] -> [B, ...], of each row what stands at its place, [B] int; None: all of it, [B, T, ...]."""
    return values if places is None else tf.gather(values, places, batch_dims=1)


def lookup(table: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """Rows of a table, with a dense gradient.

    Each item's row also gets a gradient from the scores, and TensorFlow would join the two as slices with repeated
    indices: slow to apply, and their norm, which clipping goes by, is wrong.

    Args:
        table: [n, D].
        ids: [...] int, all in [0, n).
    Returns: [..., D].
    """

    @tf.custom_gradient
    def rows(values: tf.Tensor) -> tuple[tf.Tensor, object]:
        def backward(upstream: tf.Tensor) -> tf.Tensor:
            flat = tf.reshape(upstream, [-1, tf.shape(values)[1]])
            return tf.math.unsorted_segment_sum(flat, tf.reshape(ids, [-1]), tf.shape(values)[0])

        return tf.gather(values, ids), backward

    return rows(table)
