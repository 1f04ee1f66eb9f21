"""What the whole of a user's past says of every item, beside what an architecture makes of the window.

V [n, r] holds the leading right singular vectors of users by items, the training labels of each user. A past scores
item i by the sum over its events j of V_j . V_i, which is PureSVD (Cremonesi, Koren, Turrin: Performance of recommender
algorithms on top-N recommendation tasks, RecSys 2010). The model adds that, times one weight that it learns, to the
scores of its own queries: the sums stand beside a query, V beside the items' vectors.

V is found by subspace iteration (Halko, Martinsson, Tropp: Finding structure with randomness, SIAM Review 53, 2011,
algorithms 4.4 and 5.3), a batch of rows in memory at a time. It follows from training labels alone, and stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import tensorflow as tf

from ranker.dataset import training_data
from schemas import features as f
from schemas.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ranker.dataset import TrainingData

_READ_AT_ONCE: Final = 1024  # rows
_MOST_USERS: Final = 1 << 18  # those with the lowest keys, which are hashes; more would add memory, not accuracy
_MORE: Final = 16  # directions beyond those asked for, which make the last of those exact
_ITERATIONS: Final = 6
_SEED: Final = 11
WEIGHT: Final = "long_term_weight"  # of the layer; a name that the optimiser knows


class LongTerm(tf.keras.layers.Layer):
    """Sums of the items' factors over a past, and the factors, always float32.

    Args:
        factors: V, [n, r].
        cold: candidates beyond the vocabulary, of which V knows nothing.
    """

    def __init__(self, factors: np.ndarray, cold: int) -> None:
        super().__init__(name="long_term", dtype=tf.float32)
        rows = np.pad(factors, [(f.FIRST_ITEM, cold), (0, 0)])
        self.rank = rows.shape[1]
        given = tf.constant_initializer(rows)
        self.factors = self.add_weight(name="factors", shape=rows.shape, initializer=given, trainable=False)
        self.scale = self.add_weight(name=WEIGHT, shape=[], initializer="ones")

    def call(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The past at every position of a history, and whatever came before it where `seen` says so: [B, T, r]."""
        sums = tf.cumsum(self.of(features[f.HISTORY]), axis=1)
        if f.SEEN in features:
            sums += tf.reduce_sum(self.of(features[f.SEEN]), axis=1, keepdims=True)
        return self.scaled(sums)

    def scaled(self, sums: tf.Tensor) -> tf.Tensor:
        """What stands beside a query for sums of factors."""
        return self.scale * sums

    def of(self, ids: tf.Tensor) -> tf.Tensor:
        """[...] int64 -> [..., r]; zeros for what is no item."""
        return tf.gather(tf.convert_to_tensor(self.factors), ids)

    def candidates(self) -> tf.Tensor:
        """[n + c, r]."""
        return tf.convert_to_tensor(self.factors)[f.FIRST_ITEM :]


def beside(queries: tf.Tensor, more: tf.Tensor | None) -> tf.Tensor:
    """[..., D] and [..., r] -> [..., D + r], in the precision of the former; None: there is no more."""
    return queries if more is None else tf.concat([queries, tf.cast(more, queries.dtype)], axis=-1)


def item_factors(
    files: Sequence[str], feature_spec: Mapping[str, Any], *, window: int, items: int, rank: int
) -> np.ndarray:
    """V of the training split's labels that count.

    Args:
        files, feature_spec, window: as for ranker.dataset.training_data.
        items: n, the vocabulary's size.
        rank: r; fewer where there are fewer items or users.
    Returns: [n, r] float32, orthonormal columns, the leading one first.
    Raises: ModelError: rows don't say whose they are, or no label counts.
    """
    if f.USER_KEY not in feature_spec:
        raise ModelError(
            "The long term of users can't be learnt: the sequences don't say whose they are.",
            next_step=f"have Transform pass {f.USER_KEY} on, or set trainer.model.long_term_rank: 0",
        )
    data = training_data(files, feature_spec, batch_size=_READ_AT_ONCE, window=window, seed=0)
    users = _users(data)
    basis = np.random.default_rng(_SEED).standard_normal((items, min(rank + _MORE, items)))
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(_back(_onto(basis, data, users), data, users, items))[0]
    seen = _onto(basis, data, users)
    vectors = np.linalg.eigh(seen.T @ seen)[1][:, ::-1]
    return (basis @ vectors[:, : min(rank, len(users))]).astype(np.float32)


def _labels(data: TrainingData) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Keys of users and columns of items of the labels that count, [m] int64 each, a batch at a time."""
    for batch in data.batches(0, 1).as_numpy_iterator():
        counts = batch[f.WEIGHT] > 0
        yield np.repeat(batch[f.USER_KEY], counts.sum(axis=1)), batch[f.LABEL][counts] - f.FIRST_ITEM


def _users(data: TrainingData) -> np.ndarray:
    """Keys of the users that are looked at, rising: [u] int64."""
    found = np.empty(0, np.int64)
    for keys, _ in _labels(data):
        found = np.union1d(found, keys)[:_MOST_USERS]
    return found


def _ones(data: TrainingData, users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of X where it isn't 0, [m] int64 each, a batch at a time; a place may come twice."""
    for keys, columns in _labels(data):
        row = np.searchsorted(users, keys)
        there = row < len(users)  # the others' keys are higher than all that are looked at
        yield row[there], columns[there]


def _onto(basis: np.ndarray, data: TrainingData, users: np.ndarray) -> np.ndarray:
    """X times a basis [n, q]: [u, q]."""
    product = np.zeros((len(users), basis.shape[1]))
    for row, column in _ones(data, users):
        np.add.at(product, row, basis[column])
    return product


def _back(product: np.ndarray, data: TrainingData, users: np.ndarray, items: int) -> np.ndarray:
    """X transposed times [u, q]: [n, q]."""
    sums = np.zeros((items, product.shape[1]))
    for row, column in _ones(data, users):
        np.add.at(sums, column, product[row])
    return sums
