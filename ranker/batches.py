"""Serialised transformed sequences become dense features, right-padded to one of a few widths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ranker.augmentation import shuffled
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Batch = dict[str, tf.Tensor]

_WIDTHS = 8  # of batches: each an eighth of the window wider than the last one
_HASHES = 2**62  # so many that two of 10^6 records hardly meet
_INTEGERS = (
    f.HISTORY,
    f.HISTORY_GAP,
    f.HISTORY_TIED,
    f.LABEL,
    f.LABEL_TIMESTAMP,
    f.LOSS_FROM,
    f.SEEN,
    f.USER,
    f.USER_KEY,
)
_TYPES = {
    **dict.fromkeys(_INTEGERS, tf.int64),
    **dict.fromkeys((f.LABEL_WEIGHT, f.LABEL_RATING), tf.float32),
    f.LABEL_ITEM: tf.string,
}
_PREFIXES = (f.HISTORY_CONTEXT_PREFIX, f.USER_FEATURE_PREFIX)


def widths(window: int, *, fixed: bool = False) -> tuple[int, ...]:
    """The widths that batches have, ascending; the last is the window. `fixed`: the window alone."""
    steps = range(_WIDTHS, _WIDTHS + 1) if fixed else range(1, _WIDTHS + 1)
    return tuple(sorted({-(-window * step // _WIDTHS) for step in steps}))


def bucket(lengths: tf.Tensor, sizes: Sequence[int]) -> tf.Tensor:
    """Index of the smallest width that holds each length: [n] int64."""
    edges = tf.constant(sizes[:-1], tf.int64)
    return tf.reduce_sum(tf.cast(lengths[..., tf.newaxis] > edges, tf.int64), axis=-1)


def history_lengths(records: tf.Tensor) -> tf.Tensor:
    """[B] serialised examples -> [B] int64, events of each history."""
    return tf.io.parse_example(records, _ragged({f.HISTORY: tf.int64}))[f.HISTORY].row_lengths()


def learnt(records: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Whether a training row has a label that may count; one whose labels are all of older spans has none.

    Args:
        records: [B] serialised examples.
        lengths: [B] int64, of their histories.
    Returns: [B] bool.
    """
    parsed = tf.io.parse_example(records, _ragged({f.LOSS_FROM: tf.int64}))
    loss_from = _scalar(parsed[f.LOSS_FROM], 0)
    return (loss_from == 0) | (loss_from < lengths)


def hashes(records: tf.Tensor) -> tf.Tensor:
    """Hash of what each record says: [B] serialised examples -> [B] int64.

    Not of its bytes: in which order an example's features are written changes from process to process.
    """
    parsed = tf.io.parse_example(records, _ragged(dict.fromkeys((f.HISTORY, f.HISTORY_GAP, f.LABEL), tf.int64)))
    texts = [tf.strings.reduce_join(tf.strings.as_string(ids), axis=1, separator=" ") for ids in parsed.values()]
    return tf.strings.to_hash_bucket_fast(tf.strings.join(texts, separator=","), _HASHES)


def training_batch(
    records: tf.Tensor,
    lengths: tf.Tensor,
    *,
    feature_spec: Mapping[str, Any],
    sizes: Sequence[int],
    shuffled_by: tf.Tensor | None = None,
) -> Batch:
    """Labels beside the position that they follow, and their weights.

    Args:
        records: [B] string, serialised examples.
        lengths: [B] int64, of their histories.
        feature_spec: says what is in the records.
        sizes: widths that a batch can have.
        shuffled_by: [2] int64, a seed by which events of one time change their order; None: they stay.
    Returns: what ranker.dataset.TrainingData.batches says.
    """
    parsed = _parse(records, feature_spec, without=(f.SEEN, f.LABEL_ITEM))
    width = _width(lengths, sizes)
    batch = _inputs(parsed, width)
    positions = tf.range(tf.cast(width, tf.int64))[tf.newaxis, :]
    labels = parsed[f.LABEL]
    before = lengths - labels.row_lengths()  # positions without a label, ahead of those with one
    index = positions - before[:, tf.newaxis]
    there = (index >= 0) & (positions < lengths[:, tf.newaxis])
    index = tf.where(there, index, 0)

    def laid(feature: tf.RaggedTensor) -> tf.Tensor:
        values = tf.gather(_dense(feature, width), index, batch_dims=1)
        return tf.where(there, values, tf.zeros((), feature.dtype))

    batch[f.LABEL] = laid(labels)
    if f.USER_KEY in parsed:
        batch[f.USER_KEY] = _scalar(parsed[f.USER_KEY], 0)
    batch.update({name: laid(parsed[name]) for name in (f.LABEL_TIMESTAMP, f.LABEL_RATING) if name in parsed})
    loss_from = _scalar(parsed[f.LOSS_FROM], 0)
    counts = (batch[f.LABEL] >= f.FIRST_ITEM) & (index >= loss_from[:, tf.newaxis])
    batch[f.WEIGHT] = tf.cast(counts, tf.float32)
    if f.LABEL_WEIGHT in parsed:
        batch[f.WEIGHT] *= laid(parsed[f.LABEL_WEIGHT])
    if shuffled_by is None or f.HISTORY_TIED not in parsed:
        return batch
    return shuffled(batch, _dense(parsed[f.HISTORY_TIED], width), loss_from + before, shuffled_by)


def evaluation_batch(
    records: tf.Tensor, lengths: tf.Tensor, *, feature_spec: Mapping[str, Any], sizes: Sequence[int]
) -> Batch:
    """One label a row, and what the user has seen beside the history.

    Args: as for training_batch.
    Returns: what ranker.dataset.evaluation_batches says, and label_item [B] string where the records have it.
    """
    parsed = _parse(records, feature_spec, without=(f.LABEL_WEIGHT, f.LOSS_FROM, f.HISTORY_TIED, f.USER_KEY))
    batch = _inputs(parsed, _width(lengths, sizes))
    batch[f.LABEL] = _scalar(parsed[f.LABEL], f.UNKNOWN)
    for name, default in ((f.LABEL_TIMESTAMP, 0), (f.LABEL_RATING, float("nan")), (f.LABEL_ITEM, "")):
        if name in parsed:
            batch[name] = _scalar(parsed[name], default)
    batch[f.SEEN] = parsed[f.SEEN].to_tensor(f.PADDING)
    return batch


def _parse(
    records: tf.Tensor, feature_spec: Mapping[str, Any], *, without: Sequence[str]
) -> dict[str, tf.RaggedTensor]:
    """[B] serialised examples -> the features that the records have, each ragged [B, None]."""
    wanted = {name: kind for name, kind in _TYPES.items() if name in feature_spec and name not in without}
    wanted.update({name: tf.int64 for name in feature_spec if name.startswith(_PREFIXES)})
    return tf.io.parse_example(records, _ragged(wanted))


def _ragged(kinds: Mapping[str, tf.DType]) -> dict[str, tf.io.RaggedFeature]:
    return {name: tf.io.RaggedFeature(kind, row_splits_dtype=tf.int64) for name, kind in kinds.items()}


def _scalar(feature: tf.RaggedTensor, default: float | str) -> tf.Tensor:
    """The first value of each row: [B]."""
    return feature.to_tensor(default, shape=[None, 1])[:, 0]


def _dense(feature: tf.RaggedTensor, width: tf.Tensor | int) -> tf.Tensor:
    """Padded, or cut, on the right: [B, width]."""
    shape = tf.stack([-1, width]) if tf.is_tensor(width) else [None, width]
    return tf.ensure_shape(feature.to_tensor(f.PADDING, shape=shape), [None, None])


def _inputs(parsed: Mapping[str, tf.RaggedTensor], width: tf.Tensor | int) -> Batch:
    """What the model reads in training and evaluation alike, dense."""
    inputs = {}
    for name, values in parsed.items():
        if name in (f.HISTORY, f.HISTORY_GAP) or name.startswith(f.HISTORY_CONTEXT_PREFIX):
            inputs[name] = _dense(values, width)
        elif name.startswith(f.USER_FEATURE_PREFIX):
            inputs[name] = values.to_tensor(f.PADDING)
    if f.USER in parsed:
        inputs[f.USER] = _scalar(parsed[f.USER], f.UNKNOWN)
    return inputs


def _width(lengths: tf.Tensor, sizes: Sequence[int]) -> tf.Tensor | int:
    """The width of a batch with histories of these lengths."""
    if len(sizes) == 1:
        return sizes[0]
    return tf.gather(tf.constant(sizes, tf.int64), bucket(tf.reduce_max(lengths), sizes))
