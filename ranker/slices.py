"""A step's rows in slices that go through the model side by side, a core each.

Most of a recurrent step are products too small to be shared among cores, and one position waits for the one before; but
half of the rows needn't wait for the other half. Two cores trained 1.45 times what one did when each operation was
shared between them, and 1.85 times with a slice for each (docs/training-step.md). Slices draw the random numbers
that the whole would have drawn for their rows, so that a model depends on the number of cores as little as sums of
floats do.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING, Final, TypeVar

import tensorflow as tf

from ranker.draws import TOGETHER, Step
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ranker.model import SequenceRanker

    Features = Mapping[str, tf.Tensor]

Results = TypeVar("Results")
FEWEST: Final = 16  # rows in a slice, for its products of matrices to be worth their name
# Beyond it a slice's own gradient of all items, as large as the table, costs what slices save (docs/training-step.md).
MOST_ITEMS: Final = 10_000


def threads(rows: int, cores: int) -> tuple[int, int]:
    """Of each operation, and operations at once, for steps of that many rows."""
    return cores // max(1, min(cores, rows // FEWEST)), cores


def share_cores(rows: int, cores: int | None = None) -> None:
    """Divides cores among slices of steps of that many rows, if TensorFlow has not begun.

    Nothing changes where there is a GPU, or where whoever started the process has said how many threads there are.

    Args:
        rows: in a step.
        cores: how many; None: all that this process may use.
    """
    said = any(name in os.environ for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"))
    if said or tf.config.list_physical_devices("GPU"):
        return
    within, beside = threads(rows, cores or _cores())
    with contextlib.suppress(RuntimeError):  # TensorFlow has begun: it goes on as it is
        tf.config.threading.set_inter_op_parallelism_threads(beside)
        tf.config.threading.set_intra_op_parallelism_threads(within)


def count(model: SequenceRanker | None = None) -> int:
    """Slices of a step: as many as operations can go on at once while each has all of its threads.

    1 on GPUs, where replicas divide the rows among themselves, where XLA compiles the step, whose way with loops is its
    own, and where the catalogue is large.

    Args:
        model: whose step it is; None: any of a small catalogue.
    """
    whole = model is not None and (model.jit_compile or model.catalogue.size > MOST_ITEMS)
    replicated = tf.distribute.get_strategy().num_replicas_in_sync > 1
    if whole or replicated or tf.config.list_physical_devices("GPU"):
        return 1
    return max(1, (tf.config.threading.get_inter_op_parallelism_threads() or _cores()) // threads_within())


def threads_within() -> int:
    """That share an operation."""
    return tf.config.threading.get_intra_op_parallelism_threads() or _cores()


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def each(work: Callable[[Features], Results], features: Features, several: int) -> list[Results]:
    """What `work` makes of the rows, slice by slice: results of each, in order of the rows.

    Work for slices is traced once, and may change no variable; what it draws is drawn as for the whole (ranker.draws).

    Args:
        work: from features to tensors. Slices are empty where there are few rows.
        features: of a step, [B, ...] each.
        several: slices; 1: the rows as they are.
    """
    if several == 1:
        return [work(features)]
    step, rows = Step(), tf.shape(features[f.HISTORY])[0]
    some_rows = {name: tf.TensorSpec([None, *value.shape[1:]], value.dtype) for name, value in features.items()}

    @tf.function(input_signature=[some_rows, tf.TensorSpec([], rows.dtype)], autograph=False)
    def alone(some: Features, first: tf.Tensor) -> Results:
        with step.rows_from(first):
            return work(some)

    bounds = [rows * n // (several * TOGETHER) * TOGETHER for n in range(several)] + [rows]
    found = [
        alone({name: value[begin:end] for name, value in features.items()}, begin)
        for begin, end in itertools.pairwise(bounds)
    ]
    step.end()
    return found
