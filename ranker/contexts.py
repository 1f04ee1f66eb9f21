"""Embeddings of context columns (device, surface) at each position, and of the users table's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from ranker.layers import lookup
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANGE = 0.05  # of the uniform initial values, as for ids
_SAID = (f.HISTORY_GAP, f.HISTORY_CONTEXT_PREFIX, f.USER_FEATURE_PREFIX)


def silenced(features: Mapping[str, tf.Tensor], rows: tf.Tensor) -> dict[str, tf.Tensor]:
    """Features as a request by item ids alone has them in some rows: no gaps, no contexts, no user features.

    Args:
        features: of a model.
        rows: [B] bool, which ones.
    """
    said = {name: values for name, values in features.items() if name.startswith(_SAID)}
    unknown = {name: tf.where(rows[:, tf.newaxis], tf.zeros_like(ids), ids) for name, ids in said.items()}
    return {**features, **unknown}


class Contexts(tf.keras.layers.Layer):
    """Sum over the columns of their embeddings.

    What a row doesn't say is unknown, not padding.

    Args:
        contexts: by name, number of ids that history_context_<name> can take.
        user_features: by name, number of ids that user_feature_<name> can take.
        width: D.
    """

    def __init__(self, contexts: Mapping[str, int], user_features: Mapping[str, int], width: int) -> None:
        super().__init__(name="contexts")
        self.width = width
        self.positions = {f"{f.HISTORY_CONTEXT_PREFIX}{name}": size for name, size in contexts.items()}
        self.rows = {f"{f.USER_FEATURE_PREFIX}{name}": size for name, size in user_features.items()}
        sizes = {**self.positions, **self.rows}
        # Columns may be called what TensorFlow wouldn't take for a weight.
        self.tables = {name: self._table(f"context_{n}", size) for n, (name, size) in enumerate(sizes.items())}

    def _table(self, name: str, rows: int) -> tf.Variable:
        initial = tf.keras.initializers.RandomUniform(-_RANGE, _RANGE)
        return self.add_weight(name=name, shape=[rows, self.width], initializer=initial)

    def call(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """What to add to the positions' vectors.

        Args:
            features: history [B, T] int64 and, where they are known, history_context_<name> [B, T] and
                user_feature_<name> [B, M] int64, padded with 0.
        Returns: [B, T, D], or [B, 1, D] where there are only user features.
        """
        history = features[f.HISTORY]
        parts = [self._position(name, features.get(name), history) for name in self.positions]
        parts += [self._row(name, features.get(name), history) for name in self.rows]
        return sum(parts[1:], parts[0])

    def _position(self, name: str, ids: tf.Tensor | None, history: tf.Tensor) -> tf.Tensor:
        """[B, T, D]."""
        ids = tf.zeros_like(history) if ids is None else ids
        unknown = tf.constant(f.UNKNOWN, ids.dtype)
        return lookup(tf.convert_to_tensor(self.tables[name]), tf.maximum(ids, unknown))

    def _row(self, name: str, ids: tf.Tensor | None, history: tf.Tensor) -> tf.Tensor:
        """The mean of the row's values, which may be several: [B, 1, D]."""
        ids = history[:, :0] if ids is None else ids
        said = tf.reduce_any(ids != f.PADDING, axis=1, keepdims=True)
        ids = tf.concat([ids, tf.where(said, tf.constant(f.PADDING, ids.dtype), f.UNKNOWN)], axis=1)
        found = lookup(tf.convert_to_tensor(self.tables[name]), ids)
        there = tf.cast(ids != f.PADDING, found.dtype)[..., tf.newaxis]
        return tf.reduce_sum(found * there, axis=1, keepdims=True) / tf.reduce_sum(there, axis=1, keepdims=True)
