"""Ids of cold items, which the transform graph knows no better than any unknown string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_ITEMS = (f.HISTORY, f.LABEL, f.SEEN)


class ColdItems(tf.Module):
    """From the name of a cold item to its id.

    Args:
        items: [c] str, at least one.
        first: id of the first.
    """

    def __init__(self, items: np.ndarray, first: int) -> None:
        super().__init__(name="cold_items")
        keys, ids = tf.constant(items.astype(object), tf.string), tf.range(first, first + len(items), dtype=tf.int64)
        self._table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, ids), f.UNKNOWN)

    def given_ids(self, raw: Mapping[str, Any], transformed: Mapping[str, Any]) -> dict[str, Any]:
        """The transformed features, with the ids of cold items in place of UNKNOWN.

        Args:
            raw: history, label, seen: strings, sparse or dense.
            transformed: all features; the same three have raw's structure.
        """
        known = [name for name in _OF_ITEMS if name in raw and name in transformed]
        return {**transformed, **{name: self._ids(raw[name], transformed[name]) for name in known}}

    def _ids(self, items: tf.Tensor | tf.SparseTensor, ids: tf.Tensor | tf.SparseTensor) -> Any:
        if isinstance(ids, tf.SparseTensor):
            return ids.with_values(self._ids(items.values, ids.values))
        return tf.where(ids == f.UNKNOWN, self._table.lookup(items), ids)
