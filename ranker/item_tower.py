"""What items are made of beside their id: vectors and biases from the columns of the items table.

The vector of item i is

    e_i + sum over columns of categories of the mean embedding of i's values + W numbers_i

where e_i is its id's row, or the unknown item's row where it has no id: item i is cold, or training has drawn its id
out of this step. So training makes of the features what a cold item needs of them (DropoutNet: Volkovs, Yu, Poutanen,
NeurIPS 2017). Its bias is its id's own, or, where it has no id, the features': each embedding and W are one wider than
the vectors, and the last column is the bias.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from ranker.dropout import Lot
from ranker.layers import lookup
from schemas import features as f

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue, Categories, ItemFeatures

_RANGE = 0.05  # of the uniform initial values, as for ids
_MOST_DEVIATIONS = 5.0  # numbers are cut there, so that one odd price doesn't rule


class ItemTable(NamedTuple):
    """vectors [rows, D]: row i is the id i, padding and unknown included. bias [rows - FIRST_ITEM]."""

    vectors: tf.Tensor
    bias: tf.Tensor


class ItemTower(tf.keras.layers.Layer):
    """Turns the table of ids into one of ids and features. Always float32.

    Args:
        catalogue: with features.
        width: D.
        id_dropout: share of ids that a step of training goes without.
        first_bias: of an item without an id, before training.
    """

    def __init__(self, catalogue: Catalogue, width: int, id_dropout: float, first_bias: float) -> None:
        super().__init__(name="item_tower", dtype=tf.float32)
        features = catalogue.features
        if features is None:
            raise ValueError("ItemTower needs a catalogue with features.")
        self.width, self.known, self.cold = width, len(catalogue.items), len(catalogue.cold)
        self.lot = Lot(id_dropout, name="id_dropout")
        # Not weights: they are the data's, so a checkpoint needn't hold them.
        self.values = {name: _Values(column, self.known) for name, column in features.categories.items()}
        self.numbers = tf.constant(_numbers(features)) if features.numbers else None
        self.tables = {
            name: self._table(f"feature_{n}", column.size)  # columns are called what TensorFlow wouldn't take
            for n, (name, column) in enumerate(features.categories.items())
        }
        self.kernel = None if self.numbers is None else self._table("numbers", self.numbers.shape[1])
        self.first_bias = self.add_weight(
            name="feature_bias", shape=[], initializer=tf.constant_initializer(first_bias)
        )

    def _table(self, name: str, rows: int) -> tf.Variable:
        initial = tf.keras.initializers.RandomUniform(-_RANGE, _RANGE)
        return self.add_weight(name=name, shape=[rows, self.width + 1], initializer=initial)

    def training_table(self, items: tf.Tensor, bias: tf.Tensor) -> ItemTable:
        """The items with an id, some of which lose it in this step.

        Args:
            items: [size, D], rows of the ids.
            bias: [size - FIRST_ITEM].
        Returns: as many rows; the next call draws anew.
        """
        vectors, feature_bias = self._features(self.known)
        if self.lot.rate:
            drawn = self.lot.drawn(self.known)
            items = tf.where(tf.pad(drawn, [[f.FIRST_ITEM, 0]])[:, tf.newaxis], items[f.UNKNOWN], items)
            bias = tf.where(drawn, feature_bias, bias)
        return ItemTable(items + tf.pad(vectors, [[f.FIRST_ITEM, 0], [0, 0]]), bias)

    def table(self, items: tf.Tensor, bias: tf.Tensor) -> ItemTable:
        """All candidates, cold ones behind the others: [size + c, D] and [size + c - FIRST_ITEM]."""
        vectors, feature_bias = self._features(self.known + self.cold)
        unknown = tf.repeat(items[f.UNKNOWN : f.UNKNOWN + 1], self.cold, axis=0)
        ids = tf.concat([items, unknown], axis=0)
        vectors = ids + tf.pad(vectors, [[f.FIRST_ITEM, 0], [0, 0]])
        return ItemTable(vectors, tf.concat([bias, feature_bias[self.known :]], axis=0))

    def _features(self, rows: int) -> tuple[tf.Tensor, tf.Tensor]:
        """What the features alone say of the first items: vectors [rows, D], biases [rows]."""
        total = tf.zeros([rows, self.width + 1])
        for name, values in self.values.items():
            total += values.mean(tf.convert_to_tensor(self.tables[name]), rows)
        if self.kernel is not None and self.numbers is not None:
            total += tf.matmul(self.numbers[:rows], self.kernel)
        return total[:, :-1], total[:, -1] + self.first_bias


class _Values:
    """The values of one column, without the padding.

    Args:
        column: ids [n + c, V].
        known: n.
    """

    def __init__(self, column: Categories, known: int) -> None:
        there = column.ids != f.PADDING
        rows, _ = np.nonzero(there)
        self._known, self._known_values = known, int(there[:known].sum())
        self._rows = tf.constant(rows, tf.int64)
        self._ids = tf.constant(column.ids[there], tf.int64)
        self._share = tf.constant(1.0 / np.maximum(there.sum(axis=1), 1)[:, np.newaxis], tf.float32)
        self._one_each = bool(np.all(there.sum(axis=1) == 1))

    def mean(self, table: tf.Tensor, rows: int) -> tf.Tensor:
        """Mean row of each item's values, 0 where it has none: [rows, D]; all items, or those with an id."""
        count = self._known_values if rows == self._known else None
        found = lookup(table, self._ids[:count])
        if self._one_each:
            return found
        return tf.math.unsorted_segment_sum(found, self._rows[:count], rows) * self._share[:rows]


def _numbers(features: ItemFeatures) -> np.ndarray:
    """[n + c, 2 columns] float32: each number, 0 where it is unknown, and whether it is."""
    table = np.stack(list(features.numbers.values()), axis=1).astype(np.float32)
    missing = np.isnan(table)
    cut = np.clip(np.where(missing, 0.0, table), -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
    return np.concatenate([cut, missing], axis=1).astype(np.float32)
