"""Raw features for the transform graph, from dense strings that a caller can send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Mapping


def compact(values: tf.Tensor, keep: tf.Tensor) -> tf.RaggedTensor:
    """The values of each row that are kept, closed up: [B, T], [B, T] bool -> [B, (n)]."""
    return tf.ragged.boolean_mask(values, keep)


def complete(given: Mapping[str, tf.SparseTensor], spec: Mapping[str, Any], rows: tf.Tensor) -> dict[str, Any]:
    """All the features that the transform graph takes.

    Args:
        given: sparse [rows, n], some of them.
        spec: parsing spec of the raw features, all of them; a fixed length must be 1.
        rows: scalar.
    Returns: each feature of `spec` in its own form: the given ones, and empty lists, "" and 0 for the others.
    """
    return {name: _feature(kind, given.get(name), rows) for name, kind in spec.items()}


def tolerant(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The same spec; an example that lacks a feature has "" or 0 there, since callers send only what they know."""
    return {name: _optional(kind) for name, kind in spec.items()}


def _optional(kind: Any) -> Any:
    if not isinstance(kind, tf.io.FixedLenFeature):
        return kind
    return tf.io.FixedLenFeature(kind.shape, kind.dtype, "" if kind.dtype == tf.string else 0)


def _feature(kind: Any, given: tf.SparseTensor | None, rows: tf.Tensor) -> tf.Tensor | tf.SparseTensor:
    fixed = isinstance(kind, tf.io.FixedLenFeature)
    if given is None:
        given = _empty(kind.dtype, rows)
    if not fixed:
        return given
    dense = tf.reshape(tf.sparse.to_dense(tf.sparse.reset_shape(given, [rows, 1])), [rows, 1])
    return tf.reshape(dense, [rows, *kind.shape])


def _empty(dtype: tf.DType, rows: tf.Tensor) -> tf.SparseTensor:
    shape = tf.stack([tf.cast(rows, tf.int64), tf.constant(0, tf.int64)])
    return tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.zeros([0], dtype), shape)


def dense_features(transformed: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Transformed features as the model takes them.

    Args:
        transformed: what the transform graph gives.
    Returns: history, history_gap, history_context_* [B, T], at least one wide; seen [B, S]; user_feature_* [B, M];
        label, user [B] where they are; int64.
    """
    dense = {name: _dense(value) for name, value in transformed.items()}
    features = {name: _wide(dense[name]) for name in (f.HISTORY, f.HISTORY_GAP)}
    features[f.SEEN] = dense[f.SEEN]
    features.update({name: _wide(dense[name])[:, 0] for name in (f.LABEL, f.USER) if name in dense})
    width = tf.shape(features[f.HISTORY])[1]
    for name, values in dense.items():
        if name.startswith(f.HISTORY_CONTEXT_PREFIX):
            features[name] = _of_width(values, width)
        elif name.startswith(f.USER_FEATURE_PREFIX):
            features[name] = values
    return features


def query_times(raw: Mapping[str, Any]) -> tf.Tensor:
    """When each row asks: the time of its label, or else of its last event: [B] int64 milliseconds, 0: unknown."""
    last = _last(raw[f.HISTORY_TIMESTAMP])
    if f.LABEL_TIMESTAMP not in raw:
        return last
    asked = _wide(_dense(raw[f.LABEL_TIMESTAMP]))[:, 0]
    return tf.where(asked > 0, asked, last)


def _last(values: tf.SparseTensor) -> tf.Tensor:
    """The last value of each row, 0 where there is none: [B]."""
    rows = values.dense_shape[0]
    lengths = tf.math.unsorted_segment_sum(tf.ones_like(values.values), values.indices[:, 0], rows)
    return tf.gather(_wide(_dense(values)), tf.maximum(lengths - 1, 0), batch_dims=1)


def _of_width(values: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """[B, n] -> [B, width], padded on the right or cut."""
    missing = tf.maximum(width - tf.shape(values)[1], 0)
    return tf.pad(values, [[0, 0], [0, missing]])[:, :width]


def _dense(value: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    return tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value


def _wide(values: tf.Tensor) -> tf.Tensor:
    """One column of padding where there is none: a recurrent layer takes no empty sequence."""
    missing = tf.cast(tf.shape(values)[1] == 0, tf.int32)
    return tf.pad(values, [[0, 0], [0, missing]])
