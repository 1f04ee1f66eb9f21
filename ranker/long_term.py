"""What the whole of a user's past says of every item, beside what an architecture makes of the window.

V [n, r] holds the leading right singular vectors of users by items, the training labels of each user. A past scores
item i by the sum over its events j of V_j . V_i, which is PureSVD (Cremonesi, Koren, Turrin: Performance of recommender
algorithms on top-N recommendation tasks, RecSys 2010). The model adds that, times one weight that it learns, to the
scores of its own queries: the sums stand beside a query, V beside the items' vectors.

V follows from training labels alone, and stays as it is. Users and items of 2^24 labels at most are in memory while it
is sought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import tensorflow as tf
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from ranker.dataset import training_data
from schemas import features as f
from schemas.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ranker.dataset import TrainingData

_READ_AT_ONCE: Final = 1024  # rows
_MOST_LABELS: Final = 1 << 24  # of the users with the lowest keys, which are hashes; more adds memory, not accuracy
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

    def call(self, features: Mapping[str, tf.Tensor], ends: bool = False) -> tf.Tensor:
        """The past at every position of a history, and whatever came before it where `seen` says so: [B, T, r].

        `ends`: at the end of each alone, [B, r].
        """
        events = self.of(features[f.HISTORY])
        sums = tf.reduce_sum(events, axis=1) if ends else tf.cumsum(events, axis=1)
        if f.SEEN in features:
            sums += tf.reduce_sum(self.of(features[f.SEEN]), axis=1, keepdims=not ends)
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
    """V of the training split's labels that count; one that comes twice counts twice.

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
    keys, columns = _labels(data)
    users, rows = np.unique(keys, return_inverse=True)
    matrix = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(users), items))
    return _right_singular_vectors(matrix, rank).T.astype(np.float32)


def _right_singular_vectors(matrix: csr_array, rank: int) -> np.ndarray:
    """[u, n] -> [r, n], the leading one first."""
    fewer = min(matrix.shape)
    if fewer <= rank:  # ARPACK finds fewer than all; the matrix is small in one direction at least
        return np.linalg.svd(matrix.toarray(), full_matrices=False)[2]
    first = np.random.default_rng(_SEED).standard_normal(fewer)
    _, values, vectors = svds(matrix, k=rank, v0=first)
    return vectors[np.argsort(-values)]


def _labels(data: TrainingData) -> tuple[np.ndarray, np.ndarray]:
    """Keys of users and columns of items of labels that count, [m] int64 each: all of a user's, or none."""
    below = int(f.USER_KEYS * min(1.0, _MOST_LABELS / data.positions))
    found = []
    for batch in data.batches(0, 1).as_numpy_iterator():
        counts = (batch[f.WEIGHT] > 0) & (batch[f.USER_KEY] < below)[:, np.newaxis]
        found.append((np.repeat(batch[f.USER_KEY], counts.sum(axis=1)), batch[f.LABEL][counts] - f.FIRST_ITEM))
    keys, columns = (np.concatenate(part) for part in zip(*found, strict=True))
    return keys, columns
