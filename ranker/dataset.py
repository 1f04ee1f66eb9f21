"""From files of transformed sequences to dense batches.

Records -> with their lengths (cached in memory where small) -> shuffled by (seed, epoch) -> in pools, each sorted by
width and cut into batches -> parsed -> dense, right-padded. A batch has one of a few widths, so that little is padding
and little is compiled anew.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import tensorflow as tf

from ranker import batches, reading
from ranker.batches import Batch, bucket, widths
from ranker.reading import PARSED_AT_ONCE
from ranker.reading import plain as _plain
from schemas import features as f
from schemas.errors import ModelError
from schemas.hashing import combine

if TYPE_CHECKING:
    from ranker.reading import Share

_SHUFFLED = 1 << 17  # rows, where the files are too large for the cache: at most some hundred MB
_POOL = 64  # batches sorted by width together: of 8 widths, at most 7 batches in 64 hold two
_POOL_ROWS = 1 << 17  # at most, for memory's sake, unless that is less than a batch
_ROUNDED = 4  # a share of a batch is rounded up to a quarter of the mean one, where each shape costs
_GRAPH_SEED = 1
_EPOCH_STRIDE = 1_000_003  # a prime, so that neighbouring seeds don't share the orders of neighbouring epochs


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

        Returns: batches of history, history_gap, label, label_timestamp and each history_context_* [B, T] int64, weight
            and label_rating [B, T] float32 (NaN: the label has none; 0: there is no label), user and user_key [B]
            int64, each user_feature_* [B, M] int64; what the records lack is left out.
        """
        return (
            tf.data.Dataset.range(first_epoch, epochs).flat_map(self._epoch).prefetch(2).with_options(reading.options())
        )


def training_data(
    files: Sequence[str],
    feature_spec: Mapping[str, Any],
    *,
    batch_size: int,
    window: int,
    seed: int,
    fixed_width: bool = False,
    shuffle_ties: bool = False,
    share: Share | None = None,
) -> TrainingData:
    """Prepares training rows; reads the files once, to count.

    Rows of validation and test may be among them: labels are laid against the end of their history, so the one label
    of such a row counts at the last position.

    Args:
        files: gzip TFRecords of transformed examples.
        feature_spec: name -> parsing spec, as TFT's transformed_feature_spec() gives it; says what is in the records.
        batch_size: rows of a step; a few less where the rows don't divide.
        window: the longest history.
        seed: of the order of rows.
        fixed_width: pad each batch to the window, not to the nearest of `widths(window)`. One shape is what XLA likes.
            On MovieLens-1M at window 200 it costs half as many positions again: 39 % are padding, not 7 %.
        shuffle_ties: bring events of one time into another order in every epoch.
        share: of several processes that train together, which one this is: it gets its own rows of each batch, one
            batch for each of its replicas; None: it trains alone.
    Raises: ModelError: no file, no label that counts, or fewer rows in a step than copies of the model.
    """
    sizes = widths(window, fixed=fixed_width)
    copies = share.count * share.replicas if share is not None else 1
    if batch_size < copies:
        raise ModelError(
            f"A step of {batch_size} rows can't be shared out among {copies} copies of the model.",
            next_step="raise trainer.batch_size, or train on fewer machines",
        )
    records = reading.rows(files, share)
    rows, positions = _count(records, feature_spec, window)
    if share is not None:
        positions = int(share.gather(np.array([positions], np.int64)).sum())
    if not positions:
        raise ModelError(
            "There is no label to learn from in the training split.",
            why=f"{rows} rows were read; a label counts when training has seen its item "
            "often enough, and its weight isn't 0.",
            next_step="give users with more events, lower transform.min_frequency or sequence_gen.k_core, or raise "
            "example_gen.event_weights",
        )

    pool = _pool(batch_size)
    pool = -(-rows // -(-rows // pool))  # pools of one size, so that the last has no small batch, either
    multiple = max(1, batch_size // (_ROUNDED * copies)) if fixed_width else 1
    steps = rows // pool * -(-pool // batch_size) + -(-(rows % pool) // batch_size)

    @_plain
    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        # Of this function's own graph: a shuffle mixes it in, and the order must not depend on who seeded the process.
        tf.compat.v1.set_random_seed(_GRAPH_SEED)
        order = (seed * _EPOCH_STRIDE + number) % (2**31 - 1)
        shuffled = records.shuffle(min(rows, _SHUFFLED), seed=order, reshuffle_each_iteration=False)
        parse = functools.partial(batches.training_batch, feature_spec=feature_spec, sizes=sizes)
        numbered = _batched(shuffled, batch_size, sizes, pool, order).enumerate()
        dense = numbered.map(
            _plain(lambda n, rows: (parse(*rows, shuffled_by=tf.stack([order, n]) if shuffle_ties else None), rows[0])),
            tf.data.AUTOTUNE,
        )
        if share is None:
            return dense.map(_plain(lambda batch, _: batch))
        return dense.flat_map(_plain(lambda batch, rows: reading.own_rows(batch, rows, share, multiple)))

    return TrainingData(rows, positions, steps, epoch)


def evaluation_batches(
    files: Sequence[str],
    feature_spec: Mapping[str, Any],
    *,
    batch_size: int,
    window: int,
    fixed_width: bool = False,
    most_rows: int | None = None,
    cold_items: Sequence[str] | np.ndarray = (),
    first_cold: int = 0,
) -> tf.data.Dataset:
    """Batches of validation or test rows, each row once; parsed once where they are few.

    Args:
        files, feature_spec, batch_size, window, fixed_width: as for training_data.
        most_rows: rows at most; None: all. Which ones follows from their contents alone, not from how they lie in
            files.
        cold_items: candidates without an id of their own, in the catalogue's order.
        first_cold: the id that the first of them goes by: the catalogue's size.
    Returns: batches of history, history_gap and each history_context_* [B, T] int64, label [B] int64 (UNKNOWN: no
        candidate), label_timestamp [B] int64, label_rating [B] float32 (NaN: none), seen [B, S] int64, user [B] int64,
        each user_feature_* [B, M] int64; what the records lack is left out.
    Raises: ModelError: no file.
    """
    sizes = widths(window, fixed=fixed_width)
    records, fewer = _at_most(reading.read(files), most_rows)
    parse = functools.partial(batches.evaluation_batch, feature_spec=feature_spec, sizes=sizes)
    extend = _extension(cold_items, first_cold)
    dense = _batched(reading.measured(records), batch_size, sizes, _pool(batch_size)).map(
        _plain(lambda records, lengths: extend(parse(records, lengths))), tf.data.AUTOTUNE
    )
    return (dense.cache() if fewer or reading.small(files) else dense).prefetch(2).with_options(reading.options())


def _at_most(records: tf.data.Dataset, most: int | None) -> tuple[tf.data.Dataset, bool]:
    """The records whose hashes are lowest, and whether some were left out."""
    if most is None:
        return records, False
    hashes = np.concatenate([np.empty(0, np.int64), *records.map(_plain(batches.hashes)).as_numpy_iterator()])
    if len(hashes) <= most:
        return records, False
    kept = np.zeros(len(hashes), bool)
    kept[np.argpartition(_distinct(hashes), most - 1)[:most]] = True
    chosen = tf.data.Dataset.from_tensor_slices(kept).batch(PARSED_AT_ONCE)
    return tf.data.Dataset.zip((records, chosen)).map(_plain(tf.boolean_mask)).with_options(reading.options()), True


def _distinct(hashes: np.ndarray) -> np.ndarray:
    """[n] int64 -> [n] uint64: equal ones, which equal records have, become different, however they lie."""
    number = pl.DataFrame({"hash": hashes}).select(pl.int_range(pl.len()).over("hash")).to_series().to_numpy()
    return combine([hashes.astype(np.uint64), number.astype(np.uint64)])


def _extension(cold_items: Sequence[str] | np.ndarray, first_cold: int) -> Callable[[Batch], Batch]:
    """Gives labels that are cold candidates their ids, and takes label_item away."""
    names = np.asarray(cold_items, dtype=object)
    table = None
    if len(names):
        ids = tf.range(first_cold, first_cold + len(names), dtype=tf.int64)
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant(names), ids), f.UNKNOWN)

    def extend(batch: Batch) -> Batch:
        item = batch.pop(f.LABEL_ITEM, None)
        if item is not None and table is not None:
            batch[f.LABEL] = tf.where(batch[f.LABEL] == f.UNKNOWN, table.lookup(item), batch[f.LABEL])
        return batch

    return extend


def _count(records: tf.data.Dataset, feature_spec: Mapping[str, Any], window: int) -> tuple[int, int]:
    """Rows, and labels that count."""

    @_plain
    def count(total: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        dense = batches.training_batch(*batch, feature_spec=feature_spec, sizes=(window,))
        labels = tf.math.count_nonzero(dense["weight"] > 0.0)
        return total + tf.stack([tf.size(batch[1], tf.int64), labels])

    rows, positions = records.batch(PARSED_AT_ONCE).reduce(tf.zeros([2], tf.int64), count).numpy()
    return int(rows), int(positions)


def _pool(batch_size: int) -> int:
    """Rows of a pool at most."""
    return batch_size * max(1, min(_POOL, _POOL_ROWS // batch_size))


def _batched(
    records: tf.data.Dataset, batch_size: int, sizes: Sequence[int], pool: int, seed: tf.Tensor | None = None
) -> tf.data.Dataset:
    """Pools of rows, each sorted by width and cut into batches, which come in an order that follows from the seed.

    A pool's batches are of one size but for a row: groups by width would leave a rest of any size for each width.
    Rows of one width stay in the order that they came in.

    Args:
        records: (record, length), one by one.
        batch_size: most rows of a batch.
        sizes: the widths.
        pool: rows of a pool.
        seed: [] int64; None: narrow batches first.
    """

    @_plain
    def cut(number: tf.Tensor, rows: tuple[tf.Tensor, tf.Tensor]) -> tf.data.Dataset:
        order = tf.argsort(bucket(rows[1], sizes), stable=True)
        size = tf.size(order, tf.int64)
        count = -(-size // batch_size)
        edges = tf.range(count + 1) * size // count
        batch = tf.range(count)
        if seed is not None:
            batch = tf.random.experimental.stateless_shuffle(batch, seed=tf.stack([seed, number]))
        chosen = tf.data.Dataset.from_tensor_slices((tf.gather(edges, batch), tf.gather(edges, batch + 1)))
        return chosen.map(_plain(lambda first, last: tuple(tf.gather(part, order[first:last]) for part in rows)))

    return records.batch(pool).prefetch(1).enumerate().flat_map(cut)
