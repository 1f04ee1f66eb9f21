"""What items are made of beside their id: vectors and biases from the columns of the items table.

The vector of item i is

    e_i + X_i W

where X_i holds, for each column of categories, 1 / m at each of i's m values, so that their embeddings are averaged,
and for each number itself and whether it is missing. e_i is the id's row, or the unknown item's row where i has no id:
it is cold, or training has drawn its id out of this step. So training makes of the features what a cold item needs of
them (DropoutNet: Volkovs, Yu, Poutanen, NeurIPS 2017). The bias is the id's own, or, where i has no id, the features':
W is one wider than the vectors, and its last column is for the bias.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from ranker.dropout import Lot
from schemas import features as f

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue, Categories, ItemFeatures

_RANGE = 0.05  # of the uniform initial values, as for ids
_MOST_DEVIATIONS = 5.0  # numbers are cut there, so that one odd price doesn't rule


class ItemTable(NamedTuple):
    """vectors [rows, D]: row i is the id i, padding and unknown included. bias [rows - FIRST_ITEM].

    scored [rows, D]: what items are scored by; None: vectors.
    """

    vectors: tf.Tensor
    bias: tf.Tensor
    scored: tf.Tensor | None = None


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
        self.known, self.cold = len(catalogue.items), len(catalogue.cold)
        self.lot = Lot(id_dropout, name="id_dropout")
        # Not weights: they are the data's, so a checkpoint needn't hold them.
        table = _Table.of(features, self.known + self.cold)
        self._of_known, self._of_all = _Product(table.head(self.known)), _Product(table)
        self.embeddings = self.add_weight(
            name="features",
            shape=[table.width, width + 1],
            initializer=tf.keras.initializers.RandomUniform(-_RANGE, _RANGE),
        )
        self.first_bias = self.add_weight(
            name="feature_bias",
            shape=[],
            initializer=tf.constant_initializer(first_bias),
            trainable=id_dropout > 0,  # otherwise training never looks at it
        )

    def training_table(
        self, items: tf.Tensor, bias: tf.Tensor, scored: tf.Tensor | None = None, *, sparse: bool = True
    ) -> ItemTable:
        """The items with an id, some of which lose it in this step.

        Args:
            items: [size, D], rows of the ids.
            bias: [size - FIRST_ITEM].
            scored: [size, D], rows of the ids by which items are scored, if others; the features add the same to both.
            sparse: use the kernel for sparse matrices, which neither XLA nor a deterministic GPU has.
        Returns: as many rows; the next call draws anew.
        """
        vectors, feature_bias = self._features(self._of_known, sparse)
        if self.lot.rate:
            drawn = self.lot.drawn(self.known)
            lost = tf.pad(drawn, [[f.FIRST_ITEM, 0]])[:, tf.newaxis]
            items = tf.where(lost, items[f.UNKNOWN], items)
            scored = None if scored is None else tf.where(lost, scored[f.UNKNOWN], scored)
            bias = tf.where(drawn, feature_bias, bias)
        features = tf.pad(vectors, [[f.FIRST_ITEM, 0], [0, 0]])
        return ItemTable(items + features, bias, None if scored is None else scored + features)

    def table(
        self, items: tf.Tensor, bias: tf.Tensor, scored: tf.Tensor | None = None, *, sparse: bool = True
    ) -> ItemTable:
        """All candidates, cold ones behind the others: [size + c, D] and [size + c - FIRST_ITEM]."""
        vectors, feature_bias = self._features(self._of_all, sparse)
        features = tf.pad(vectors, [[f.FIRST_ITEM, 0], [0, 0]])
        bias = tf.concat([bias, feature_bias[self.known :]], axis=0)
        return ItemTable(
            self._with_cold(items) + features, bias, None if scored is None else self._with_cold(scored) + features
        )

    def _with_cold(self, ids: tf.Tensor) -> tf.Tensor:
        """[size, D] -> [size + c, D]: a cold item has the unknown one's row."""
        return tf.concat([ids, tf.repeat(ids[f.UNKNOWN : f.UNKNOWN + 1], self.cold, axis=0)], axis=0)

    def _features(self, product: _Product, sparse: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """What the features alone say: vectors [rows, D], biases [rows]."""
        total = product(tf.convert_to_tensor(self.embeddings), sparse)
        return total[:, :-1], total[:, -1] + self.first_bias


@dataclasses.dataclass(frozen=True, eq=False)
class _Table:
    """X, by its values that aren't 0: rows (ascending), columns [nnz] int64, values [nnz] float32; height, width."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    height: int
    width: int

    @classmethod
    def of(cls, features: ItemFeatures, height: int) -> _Table:
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        width = 0
        for column in features.categories.values():
            parts.append(_of_categories(column, width))
            width += column.size
        for numbers in features.numbers.values():
            parts.append(_of_numbers(numbers, width))
            width += 2
        rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else _NOTHING
        order = np.argsort(rows, kind="stable")
        return cls(rows[order], columns[order], values[order].astype(np.float32), height, width)

    def head(self, height: int) -> _Table:
        """The first rows."""
        count = np.searchsorted(self.rows, height)
        return _Table(self.rows[:count], self.columns[:count], self.values[:count], height, self.width)


_NOTHING = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)


def _of_categories(column: Categories, offset: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    there = column.ids != f.PADDING
    rows, _ = np.nonzero(there)
    return rows, column.ids[there].astype(np.int64) + offset, 1.0 / there.sum(axis=1)[rows]


def _of_numbers(numbers: np.ndarray, offset: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The number, or 1 one column further where there is none."""
    missing = np.isnan(numbers)
    cut = np.clip(numbers, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
    return np.arange(len(numbers)), offset + missing.astype(np.int64), np.where(missing, 1.0, cut)


class _Product:
    """W -> X W, with a dense gradient.

    With TensorFlow's kernel for sparse matrices it takes a seventh of the time that a row for each value would take
    (10^5 items with 4.5 values each, 2 cores: 28 instead of 192 ms, gradient included).
    """

    def __init__(self, table: _Table) -> None:
        self._shape = (table.height, table.width)
        self._rows, self._columns = tf.constant(table.rows, tf.int64), tf.constant(table.columns, tf.int64)
        self._values = tf.constant(table.values[:, np.newaxis])

    def __call__(self, weights: tf.Tensor, sparse: bool) -> tf.Tensor:
        """weights: [width, D] -> [height, D]."""
        height, width = self._shape
        multiply = self._sparse if sparse else self._rowwise

        @tf.custom_gradient
        def product(weights: tf.Tensor) -> tuple[tf.Tensor, object]:
            def backward(upstream: tf.Tensor) -> tf.Tensor:
                return multiply(upstream, self._columns, self._rows, width)

            return multiply(weights, self._rows, self._columns, height), backward

        return product(weights)

    def _sparse(self, dense: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor, height: int) -> tf.Tensor:
        matrix = tf.SparseTensor(tf.stack([rows, columns], 1), self._values[:, 0], [height, dense.shape[0]])
        return tf.ensure_shape(tf.sparse.sparse_dense_matmul(matrix, dense), [height, dense.shape[1]])

    def _rowwise(self, dense: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor, height: int) -> tf.Tensor:
        return tf.math.unsorted_segment_sum(tf.gather(dense, columns) * self._values, rows, height)
