"""Serialised sequences and the lengths of their histories, in one order, whoever of several processes reads them.

Where several train together, a process reads its own files only. In place of the others' records it has empty strings,
with their true lengths, so that whatever orders and groups rows by number and length does the same everywhere: the
batches are those of one process, and each process has its own rows of every batch.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ranker import batches
from schemas.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Row = tuple[tf.Tensor, tf.Tensor]

plain = tf.autograph.experimental.do_not_convert  # reading our source for `if` and `while` takes seconds

CACHED_BYTES = 256 << 20  # of compressed records: they are three to five times as many in memory
PARSED_AT_ONCE = 1024  # rows
_FILES_AT_ONCE = 4


@dataclasses.dataclass(frozen=True)
class Share:
    """One of several processes that train on the same rows together.

    index: its number, from 0. count: how many there are. gather: takes an [n] int64 array of each, where n may differ,
    and gives all of them the arrays in the order of their numbers, as one; all call it at the same time. replicas:
    copies of the model in each process.
    """

    index: int
    count: int
    gather: Callable[[np.ndarray], np.ndarray]
    replicas: int = 1

    def owners(self, files: Sequence[str]) -> np.ndarray | None:
        """Whose each file is: [files] int64, the largest first to whoever has least; None: there are too few files."""
        if len(files) < self.count:
            return None
        sizes = np.array([tf.io.gfile.stat(file).length for file in files])
        owner, has = np.zeros(len(files), np.int64), np.zeros(self.count)
        for file in np.argsort(-sizes, kind="stable"):
            owner[file] = np.argmin(has)
            has[owner[file]] += max(sizes[file], 1)
        return owner


def options() -> tf.data.Options:
    """Of every dataset: in order, and as it is."""
    made = tf.data.Options()
    # Its thread sleeps longer and longer between looks, and whoever lets go of a data set waits for it: up to a minute.
    made.autotune.enabled = False
    made.deterministic = True
    made.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return made


def small(files: Sequence[str]) -> bool:
    """Whether all of their records can be kept in memory."""
    return sum(tf.io.gfile.stat(file).length for file in files) <= CACHED_BYTES


def read(files: Sequence[str], *, learnt: bool = False) -> tf.data.Dataset:
    """Records, many at a time: [n] string; `learnt`: only those that training learns from.

    Raises: ModelError: no file.
    """
    if not files:
        raise ModelError("There is no file of sequences.", next_step="look at what SequenceGen and Transform left")
    files = sorted(files)
    records = tf.data.TFRecordDataset(files, compression_type="GZIP", num_parallel_reads=_at_once(files))
    return (_learnt(records) if learnt else records.batch(PARSED_AT_ONCE)).with_options(options())


def _learnt(records: tf.data.Dataset) -> tf.data.Dataset:
    """Those of [] string that training learns from: [n] string, n may be 0."""
    kept = plain(lambda read: tf.boolean_mask(read, batches.learnt(read, batches.history_lengths(read))))
    return records.batch(PARSED_AT_ONCE).map(kept, tf.data.AUTOTUNE)


def measured(records: tf.data.Dataset) -> tf.data.Dataset:
    """Each record, and the length of its history: [] string, [] int64."""
    measure = plain(lambda read: (read, batches.history_lengths(read)))
    return records.map(measure, tf.data.AUTOTUNE).unbatch().with_options(options())


def rows(files: Sequence[str], share: Share | None = None) -> tf.data.Dataset:
    """Each record that training learns from, and its history's length: [] string, [] int64, in one order for all.

    Args:
        files: gzip TFRecords of transformed examples.
        share: who reads; others' records are empty strings. Files are shared out by size, and where there are fewer
            than processes, all read all of them, and take the rows in turn.
    Raises: ModelError: no file.
    """
    if share is None:
        return _kept(measured(read(files, learnt=True)), files)
    files = sorted(files)
    owner = share.owners(files)
    if owner is not None:
        own = [file for file, whose in zip(files, owner, strict=True) if whose == share.index]
        return _kept(_own_files(files, owner == share.index, _lengths(files, owner, share)), own)

    @plain
    def in_turn(number: tf.Tensor, row: Row) -> Row:
        return tf.where(number % share.count == share.index, row[0], ""), row[1]

    return _kept(measured(read(files, learnt=True)).enumerate().map(in_turn, tf.data.AUTOTUNE), files)


def own_rows(batch: Mapping[str, tf.Tensor], records: tf.Tensor, share: Share, multiple: int = 1) -> tf.data.Dataset:
    """A process's own rows of a batch, for each of its replicas in turn.

    A replica without a row gets one of another process, which is empty and has no weight: something to step with.

    Args:
        batch: [B, ...] each.
        records: [B] string; others' are empty.
        share: whose own.
        multiple: round the rows of a replica up to one of this, with more of such rows, where there are so many.
    """
    theirs = tf.strings.length(records) == 0
    order = tf.argsort(tf.cast(theirs, tf.int32), stable=True)
    own = tf.reduce_sum(tf.cast(~theirs, tf.int32))
    step = share.replicas * multiple
    upto = tf.minimum(-(-tf.maximum(own, 1) // step) * step, tf.size(order))

    @plain
    def of_replica(number: tf.Tensor) -> dict[str, tf.Tensor]:
        chosen = order[number : upto : share.replicas]
        return {name: tf.gather(values, chosen) for name, values in batch.items()}

    return tf.data.Dataset.range(share.replicas, output_type=tf.int32).map(of_replica)


def _at_once(files: Sequence[str]) -> int:
    return min(len(files), _FILES_AT_ONCE)


def _kept(records: tf.data.Dataset, files: Sequence[str]) -> tf.data.Dataset:
    """In memory, where that is small."""
    return records.with_options(options()).cache() if small(files) else records.with_options(options())


def _lengths(files: Sequence[str], owner: np.ndarray, share: Share) -> tf.RaggedTensor:
    """Lengths of all files' histories, of which each process has measured its own: [files, (rows)] int32."""
    own = [file for file, whose in zip(files, owner, strict=True) if whose == share.index]
    measure = plain(batches.history_lengths)
    nothing = np.empty(0, np.int64)
    mine = [np.concatenate([nothing, *read([file], learnt=True).map(measure).as_numpy_iterator()]) for file in own]
    counts = share.gather(np.array([len(lengths) for lengths in mine], np.int64))
    lengths = share.gather(np.concatenate(mine)).astype(np.int32)
    parts = np.split(lengths, np.cumsum(counts)[:-1])
    of_file = dict(zip(np.argsort(owner, kind="stable").tolist(), parts, strict=True))  # by owner, then by name
    in_order = [of_file[file] for file in range(len(files))]
    return tf.RaggedTensor.from_row_lengths(np.concatenate(in_order), [len(part) for part in in_order])


def _own_files(files: Sequence[str], own: np.ndarray, lengths: tf.RaggedTensor) -> tf.data.Dataset:
    """What measured(read(files)) gives, without the records of files that aren't one's own."""
    names, mine = tf.constant(files), tf.constant(own)
    counts = lengths.row_lengths()

    @plain
    def of_file(number: tf.Tensor) -> tf.data.Dataset:
        there = tf.data.TFRecordDataset(tf.boolean_mask([names[number]], [mine[number]]), compression_type="GZIP")
        there = _learnt(there).unbatch()
        others = tf.data.Dataset.from_tensors("").repeat(
            tf.where(mine[number], tf.zeros_like(counts[0]), counts[number])
        )
        known = tf.data.Dataset.from_tensor_slices(tf.cast(lengths[number], tf.int64))
        return tf.data.Dataset.zip((there.concatenate(others), known))

    at_once = _at_once(files)
    return tf.data.Dataset.range(len(files)).interleave(
        of_file, cycle_length=at_once, block_length=1, num_parallel_calls=at_once, deterministic=True
    )
