"""The LSTM that trains on a CPU (ranker.recurrence) beside Keras' layer: the same weights, rows, slopes, and one run.

    python -m benchmarks.recurrence --threads 1

Forwards and back, by rows x positions x inputs x units; the two take turns, and the best of each counts. The least that
the products of matrices alone could take follows from the machine's own rate.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console
from rich.table import Table

SHAPES: Final = ((32, 50, 128, 128), (128, 50, 64, 128), (32, 200, 256, 512))  # shipped, benchmark's, MovieLens-1M's
_TURNS: Final = 20


def beside(rows: int, length: int, width: int, units: int) -> tuple[float, float]:
    """Seconds of ours and of Keras'."""
    import tensorflow as tf

    from ranker import recurrence

    tf.keras.utils.set_random_seed(1)
    layer = tf.keras.layers.LSTM(units, return_sequences=True)
    inputs, slopes = tf.random.normal([rows, length, width]), tf.random.normal([rows, length, units])
    layer(inputs)

    def trained(call: Callable[[Any], Any]) -> Callable[[], float]:
        @tf.function(autograph=False)
        def step() -> Any:
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                total = tf.reduce_sum(call(inputs) * slopes)
            return tape.gradient(total, [inputs, *layer.trainable_weights])

        def seconds() -> float:
            began = time.perf_counter()
            step()[0].numpy()
            return time.perf_counter() - began

        seconds()  # traced
        return seconds

    ours, keras = trained(lambda x: recurrence.outputs(layer.cell, x)), trained(layer)
    turns = [(ours(), keras()) for _ in range(_TURNS)]
    return min(one for one, _ in turns), min(other for _, other in turns)


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="of TensorFlow's kernels")
    arguments = parser.parse_args()
    import tensorflow as tf

    from benchmarks.profile import matrix_rate

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    rate, made = matrix_rate(), Table(title=f"An LSTM forwards and back, {arguments.threads} thread(s)")
    for column in ("rows", "positions", "inputs", "units", "ms", "Keras' ms", "ratio", "products alone, ms"):
        made.add_column(column, justify="right")
    for shape in SHAPES:
        rows, length, width, units = shape
        ours, keras = beside(*shape)
        least = 3 * 2 * rows * length * (width + units) * 4 * units / rate
        seconds = (f"{1000 * ours:.1f}", f"{1000 * keras:.1f}", f"{ours / keras:.2f}", f"{1000 * least:.1f}")
        made.add_row(*(str(part) for part in shape), *seconds)
    Console().print(made)


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # as the Trainer's process has it
    main()
