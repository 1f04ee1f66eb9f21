"""From files of transformed sequences to dense batches.

Records -> with their lengths (cached in memory where small) -> shuffled by (seed, epoch) -> batches of similar length
-> parsed -> dense, right-padded. A batch has one of a few widths, so that little is padding and little is compiled
anew.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from schemas import features as f
from schemas.errors import ModelError

Batch = dict[str, tf.Tensor]
_plain = tf.autograph.experimental.do_not_convert  # reading our source for `if` and `while` takes seconds

CACHED_BYTES = 256 << 20  # of compressed records: they are three to five times as many in memory
_SHUFFLED = 1 << 17  # rows, where the files are too large for the cache: at most some hundred MB
_PARSED_AT_ONCE = 1024  # rows
_WIDTHS = 4  # of batches: a quarter, a half, three quarters of the window, and all of it
_INTEGERS = (f.HISTORY, f.HISTORY_GAP, f.LABEL, f.LOSS_FROM, f.USER, f.SEEN)
_GRAPH_SEED = 1
_EPOCH_STRIDE = 1_000_003  # a prime, so that neighbouring seeds don't share the orders of neighbouring epochs


def widths(window: int, *, fixed: bool = False) -> tuple[int, ...]:
    """The widths that batches have, ascending; the last is the window. `fixed`: the window alone."""
    steps = range(_WIDTHS, _WIDTHS + 1) if fixed else range(1, _WIDTHS + 1)
    return tuple(sorted({-(-window * step // _WIDTHS) for step in steps}))


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Rows to train on, counted and ready to be read any number of times.

    rows: examples. positions: labels that count in the loss. steps_per_epoch: batches.
    """

    rows: int
    positions: int
    steps_per_epoch: int
    _epoch: Callable[[tf.Tensor], tf.data.Dataset]

    def batches(self, first_epoch: int, epochs: int) -> tf.data.Dataset:
        """Batches of the epochs `first_epoch` to `epochs` - 1, one epoch after the other, `steps_per_epoch` each.

        The order within an epoch follows from the seed and the epoch's number alone, so reading can begin anywhere.

        Returns: batches of history, history_gap, label [B, T] int64, weight [B, T] float32, user [B] int64; gap and
            user only where the records have them.
        """
        return tf.data.Dataset.range(first_epoch, epochs).flat_map(self._epoch).prefetch(2).with_options(_options())


def training_data(
    files: Sequence[str],
    feature_spec: Mapping[str, Any],
    *,
    batch_size: int,
    window: int,
    seed: int,
    fixed_width: bool = False,
) -> TrainingData:
    """Prepares training rows; reads the files once, to count.

    Rows of validation and test may be among them: labels are laid against the end of their history, so the one label
    of such a row counts at the last position.

    Args:
        files: gzip TFRecords of transformed examples.
        feature_spec: name -> parsing spec, as TFT's transformed_feature_spec() gives it; says what is in the records.
        batch_size: rows.
        window: the longest history.
        seed: of the order of rows.
        fixed_width: pad each batch to the window (what XLA and cuDNN like), not to the nearest of `widths(window)`.
    Raises: ModelError: no file, or no label that counts.
    """
    records = _records(files, feature_spec)
    sizes = widths(window, fixed=fixed_width)
    rows, positions = _count(records, feature_spec, sizes)
    if not positions.sum():
        raise ModelError(
            "There is no label to learn from in the training split.",
            why=f"{int(rows.sum())} rows were read; a label counts when training has seen its item often enough.",
            next_step="give users with more events, or lower transform.min_frequency or sequence_gen.k_core",
        )

    @_plain
    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        # Of this function's own graph: a shuffle mixes it in, and the order must not depend on who seeded the process.
        tf.compat.v1.set_random_seed(_GRAPH_SEED)
        order = (seed * _EPOCH_STRIDE + number) % (2**31 - 1)
        buffer = min(int(rows.sum()), _SHUFFLED)
        shuffled = records.shuffle(buffer, seed=order, reshuffle_each_iteration=False)
        return _batched(shuffled, batch_size, sizes).map(
            _plain(functools.partial(_training_batch, feature_spec=feature_spec, sizes=sizes)), tf.data.AUTOTUNE
        )

    steps = int(np.sum(-(-rows // batch_size)))
    return TrainingData(int(rows.sum()), int(positions.sum()), steps, epoch)


def evaluation_batches(
    files: Sequence[str],
    feature_spec: Mapping[str, Any],
    *,
    batch_size: int,
    window: int,
    fixed_width: bool = False,
    most_rows: int | None = None,
    cold_items: Sequence[str] | np.ndarray = (),
) -> tf.data.Dataset:
    """Batches of validation or test rows, each row once; parsed once where the files are small.

    Args:
        files, feature_spec, batch_size, window, fixed_width: as for training_data.
        most_rows: rows at most; None: all.
        cold_items: candidates without an id of their own, in the catalogue's order.
    Returns: batches of history, history_gap [B, T] int64, label [B] int64 (UNKNOWN: cold), seen [B, S] int64, user
        [B] int64; gap and user only where the records have them.
    Raises: ModelError: no file.
    """
    sizes = widths(window, fixed=fixed_width)
    batches = _batched(_records(files, feature_spec, cached=False), batch_size, sizes).map(
        _plain(functools.partial(_evaluation_batch, feature_spec=feature_spec, sizes=sizes)), tf.data.AUTOTUNE
    )
    return (batches.cache() if _small(files) else batches).prefetch(2).with_options(_options())


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options


def _small(files: Sequence[str]) -> bool:
    return sum(tf.io.gfile.stat(file).length for file in files) <= CACHED_BYTES


def _records(files: Sequence[str], feature_spec: Mapping[str, Any], *, cached: bool = True) -> tf.data.Dataset:
    """Each record with the length of its history: ([] string, [] int64)."""
    if not files:
        raise ModelError("There is no file of sequences.", next_step="look at what SequenceGen and Transform left")
    read = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP", num_parallel_reads=min(len(files), 4))
    with_lengths = read.batch(_PARSED_AT_ONCE).map(
        _plain(lambda records: (records, _parse(records, feature_spec)[f.HISTORY].row_lengths())), tf.data.AUTOTUNE
    )
    records = with_lengths.unbatch().with_options(_options())
    return records.cache() if cached and _small(files) else records


def _count(
    records: tf.data.Dataset, feature_spec: Mapping[str, Any], sizes: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels that count, by width: two arrays of [len(sizes)] int64."""

    @_plain
    def count(total: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        batch_labels = _training_batch(*batch, feature_spec=feature_spec, sizes=sizes[-1:])["weight"] > 0.0
        bucket = _bucket(batch[1], sizes)
        labels = tf.math.unsorted_segment_sum(
            tf.reduce_sum(tf.cast(batch_labels, tf.int64), axis=1), bucket, len(sizes)
        )
        return total + tf.stack([tf.math.unsorted_segment_sum(tf.ones_like(bucket), bucket, len(sizes)), labels])

    rows, positions = records.batch(_PARSED_AT_ONCE).reduce(tf.zeros([2, len(sizes)], tf.int64), count).numpy()
    return rows, positions


def _bucket(lengths: tf.Tensor, sizes: Sequence[int]) -> tf.Tensor:
    """Index of the smallest width that holds each length: [n] int64."""
    edges = tf.constant(sizes[:-1], tf.int64)
    return tf.reduce_sum(tf.cast(lengths[..., tf.newaxis] > edges, tf.int64), axis=-1)


def _batched(records: tf.data.Dataset, batch_size: int, sizes: Sequence[int]) -> tf.data.Dataset:
    """Rows of one width together; what is left of a width comes at the end."""
    if len(sizes) == 1:
        return records.batch(batch_size)
    return records.group_by_window(
        key_func=_plain(lambda _, length: _bucket(length, sizes)),
        reduce_func=_plain(lambda _, rows: rows.batch(batch_size)),
        window_size=batch_size,
    )


def _parse(records: tf.Tensor, feature_spec: Mapping[str, Any]) -> dict[str, tf.RaggedTensor]:
    """[B] serialised examples -> the features that the records have, each ragged [B, None]."""
    wanted = {name: tf.int64 for name in _INTEGERS if name in feature_spec}
    if f.LABEL_WEIGHT in feature_spec:
        wanted[f.LABEL_WEIGHT] = tf.float32
    spec = {name: tf.io.RaggedFeature(dtype, row_splits_dtype=tf.int64) for name, dtype in wanted.items()}
    return tf.io.parse_example(records, spec)


def _scalar(feature: tf.RaggedTensor, default: int) -> tf.Tensor:
    """The first value of each row: [B]."""
    return feature.to_tensor(default, shape=[None, 1])[:, 0]


def _dense(feature: tf.RaggedTensor, width: tf.Tensor | int) -> tf.Tensor:
    """Padded, or cut, on the right: [B, width]."""
    shape = tf.stack([-1, width]) if tf.is_tensor(width) else [None, width]
    return tf.ensure_shape(feature.to_tensor(f.PADDING, shape=shape), [None, None])


def _inputs(parsed: Mapping[str, tf.RaggedTensor], width: tf.Tensor) -> Batch:
    """What the model reads in training and evaluation alike, dense."""
    names = [name for name in (f.HISTORY, f.HISTORY_GAP) if name in parsed]
    inputs = {name: _dense(parsed[name], width) for name in names}
    if f.USER in parsed:
        inputs[f.USER] = _scalar(parsed[f.USER], f.UNKNOWN)
    return inputs


def _width(lengths: tf.Tensor, sizes: Sequence[int]) -> tf.Tensor | int:
    """The width of a batch with histories of these lengths."""
    if len(sizes) == 1:
        return sizes[0]
    return tf.gather(tf.constant(sizes, tf.int64), _bucket(tf.reduce_max(lengths), sizes))


def _training_batch(
    records: tf.Tensor, lengths: tf.Tensor, *, feature_spec: Mapping[str, Any], sizes: Sequence[int]
) -> Batch:
    """Labels beside the position that they follow, and their weights."""
    parsed = _parse(records, feature_spec)
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
    counts = (batch[f.LABEL] >= f.FIRST_ITEM) & (index >= _scalar(parsed[f.LOSS_FROM], 0)[:, tf.newaxis])
    batch["weight"] = tf.cast(counts, tf.float32)
    if f.LABEL_WEIGHT in parsed:
        batch["weight"] *= laid(parsed[f.LABEL_WEIGHT])
    return batch


def _evaluation_batch(
    records: tf.Tensor, lengths: tf.Tensor, *, feature_spec: Mapping[str, Any], sizes: Sequence[int]
) -> Batch:
    """One label a row, and what the user has seen beside the history."""
    parsed = _parse(records, feature_spec)
    batch = _inputs(parsed, _width(lengths, sizes))
    batch[f.LABEL] = _scalar(parsed[f.LABEL], f.UNKNOWN)
    batch[f.SEEN] = parsed[f.SEEN].to_tensor(f.PADDING)
    return batch
