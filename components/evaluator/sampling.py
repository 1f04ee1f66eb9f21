"""Which users' labels are ranked where there are more labels than the stage was told to rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx.dsl.io import fileio

from schemas import features, records
from schemas.hashing import stable_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEED = 0x5EED  # of this choice alone: other stages cut users into parts by the same hash
_TOGETHER = 4096  # examples looked at at a time
_ALL = 1.0


def shares(report: str | None, splits: Sequence[str], max_labels: int | None) -> dict[str, float]:
    """Share of each split's users to rank, so that their labels are about as many as they may be.

    Args:
        report: path of SequenceGen's counts (schemas.records.SequenceCounts); None: unknown, so all are ranked.
        splits: their names.
        max_labels: of each split; None: all.
    Returns: split -> share in (0, 1].
    """
    if report is None or max_labels is None:
        return dict.fromkeys(splits, _ALL)
    with fileio.open(report, "rb") as file:
        labels = records.SequenceCounts.model_validate_json(file.read()).examples
    return {split: min(_ALL, max_labels / max(labels.get(split, 0), 1)) for split in splits}


def chosen(user_ids: pa.Array, share: float) -> np.ndarray:
    """Whether each user belongs to the share; who belongs to a small one belongs to every larger one.

    Args:
        user_ids: [n] string or binary.
        share: in (0, 1].
    Returns: [n] bool, the same on every machine.
    """
    if share >= _ALL:
        return np.ones(len(user_ids), bool)
    return stable_hash(user_ids, _SEED) < np.uint64(share * 2.0**64)


class ChooseUsers(beam.PTransform):
    """Serialised sequences -> those of the share of users; nothing at all is done where all are asked for."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def expand(self, examples: beam.PCollection) -> beam.PCollection:
        if self._share >= _ALL:
            return examples
        together = beam.BatchElements(min_batch_size=_TOGETHER, max_batch_size=_TOGETHER)
        return examples | "Gather" >> together | "Choose" >> beam.FlatMap(_choose, self._share)


def _choose(examples: list[bytes], share: float) -> list[bytes]:
    """Reads the one feature that it needs: a tenth of what decoding all of them costs."""
    spec = {features.USER_ID: tf.io.FixedLenFeature([], tf.string)}
    user_ids = tf.io.parse_example(examples, spec)[features.USER_ID].numpy()
    kept = chosen(pa.array(user_ids.tolist(), pa.binary()), share)
    return [examples[i] for i in np.flatnonzero(kept)]
