"""What a step of training takes: waiting for input, computing, moving bytes; and what a better machine would allow.

    seqrank run --config configs/movielens-1m.yaml --output runs/movielens-1m
    python -m benchmarks.profile runs/movielens-1m --config configs/movielens-1m.yaml --threads 1

Takes the sequences and the vocabularies that a run left, and the Trainer's own data, model, loss and optimiser. The
first batches of an epoch are trained on twice: as they come from the files, where the time spent in asking for a batch
is the wait; and out of memory, where there is nothing to ask. Operations are counted eagerly, on a batch of each width.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import resource
import time
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console
from rich.table import Table

_WARM: Final = 4  # batches of each measurement that are not timed
_SQUARE: Final = 2048  # rows and columns of the matrices that say what the machine can do
_PATIENCE: Final = 3.0  # seconds for that
_KINDS: Final = 12  # of operations that are named


@dataclasses.dataclass(frozen=True)
class Width:
    """Steps of one width. seconds: of all, input apart; matrix, moved, kinds (most moved first): of a step."""

    width: int
    steps: int
    rows: int
    labels: int
    seconds: float
    matrix: float
    moved: float
    kinds: dict[str, int]


def matrix_rate() -> float:
    """The machine's best rate in products of square float32 matrices, in operations a second.

    As many go on side by side as a step of training has slices.
    """
    import tensorflow as tf

    from ranker import slices

    sides = [tf.random.stateless_normal([2, _SQUARE, _SQUARE], seed=[n, 0]) for n in range(slices.count())]
    products = tf.function(lambda: [tf.matmul(left, right) for left, right in map(tf.unstack, sides)])
    best, until = float("inf"), time.perf_counter() + _PATIENCE
    products()
    while time.perf_counter() < until:
        began = time.perf_counter()
        for product in products():
            product.numpy()
        best = min(best, time.perf_counter() - began)
    return len(sides) * 2 * _SQUARE**3 / best


def read_job(root: pathlib.Path, config: Any) -> Any:
    """The Trainer's job (ranker.job.Job) over what the newest Transform and SequenceGen under an output root left.

    Raises: SystemExit: there is no such output.
    """
    import tensorflow_transform as tft

    from ranker.job import Job, Sources
    from schemas import features as f
    from schemas.contents import ITEM_COUNTS_FILE

    examples, graph = (_newest(root, "Transform", name) for name in ("transformed_examples", "transform_graph"))
    train, valid, test = ([f"{examples}/Split-{name}/*"] for name in (f.TRAIN, f.VALID, f.TEST))
    counts = f"{_newest(root, 'SequenceGen', 'item_counts')}/{ITEM_COUNTS_FILE}"
    window, mask_seen = config.sequence_gen.window, config.sequence_gen.mask_seen
    items = f"{_newest(root, 'ItemExampleGen', 'examples')}/Split-{f.ALL}/*" if config.items else None
    return Job.of(
        config.trainer,
        Sources(train, valid, test, item_counts=counts, window=window, mask_seen=mask_seen, items=items),
        tft.TFTransformOutput(str(graph)),
    )


def _newest(root: pathlib.Path, stage: str, output: str) -> pathlib.Path:
    found = sorted((root / "artifacts" / stage / output).glob("*"), key=lambda path: int(path.name))
    if not found:
        raise SystemExit(f"{root} has no {output} of {stage}: `seqrank run --output {root}` first.")
    return found[-1]


class Trained:
    """The Trainer's model and data, a step at a time."""

    def __init__(self, job: Any) -> None:
        import tensorflow as tf

        from ranker.dataset import training_data
        from ranker.model import SequenceRanker
        from ranker.training import compiled

        options, spec = job.options, job.transform.transformed_feature_spec()
        shape = {"batch_size": options.batch_size, "window": job.catalogue.window, "fixed_width": options.xla}
        self.data = training_data(job.train_files, spec, seed=options.seed, **shape)
        self.model = compiled(lambda: SequenceRanker(options.model, job.catalogue), options, self.data.steps_per_epoch)
        self._step = tf.function(self.model.train_step, jit_compile=options.xla, autograph=False, reduce_retracing=True)

    def step(self, batch: Any) -> float:
        """Trains on a batch; seconds."""
        began = time.perf_counter()
        self._step(batch)["loss"].numpy()
        return time.perf_counter() - began

    def operations(self, batch: Any) -> Any:
        """What a step on that batch does (benchmarks.operations.Operations)."""
        from benchmarks.operations import count

        return count(lambda: self.model.train_step(batch))

    def held_bytes(self) -> int:
        """Of weights and the optimiser's variables."""
        variables = [*self.model.weights, *self.model.optimizer.variables]
        return sum(variable.dtype.size * int(variable.shape.num_elements()) for variable in variables)


def measure(trained: Trained, steps: int) -> dict[str, Any]:
    """Trains on the first batches of an epoch, as they come and out of memory.

    Args:
        trained: the model and the data.
        steps: batches that are timed.
    Returns: seconds a step: wait, with_input, alone; padding, a share of positions; labels_per_second; widths, a list
        of Width.
    """
    batches = list(itertools.islice(trained.data.batches(0, 1), steps + _WARM))
    for batch in batches:  # the first step is traced, and each width met for the first time
        trained.step(batch)
    waits, together = [], []
    coming = iter(trained.data.batches(0, 1))
    for _ in batches:
        began = time.perf_counter()
        batch = next(coming)
        waits.append(time.perf_counter() - began)
        together.append(trained.step(batch))
    alone = [trained.step(batch) for batch in batches]
    timed = slice(_WARM, None)
    widths = [_of_width(trained, width, pairs) for width, pairs in _by_width(batches[timed], alone[timed])]
    seconds = sum(waits[timed]) + sum(together[timed])
    return {
        "wait": sum(waits[timed]) / len(waits[timed]),
        "with_input": seconds / len(waits[timed]),
        "alone": sum(alone[timed]) / len(alone[timed]),
        "padding": _padding(batches[timed]),
        "labels_per_second": sum(width.labels for width in widths) / seconds,
        "widths": widths,
    }


def _by_width(batches: list[Any], seconds: list[float]) -> Iterator[tuple[int, list[tuple[Any, float]]]]:
    pairs = sorted(zip(batches, seconds, strict=True), key=lambda pair: pair[0]["history"].shape[1])
    for width, group in itertools.groupby(pairs, key=lambda pair: pair[0]["history"].shape[1]):
        yield int(width), list(group)


def _of_width(trained: Trained, width: int, pairs: list[tuple[Any, float]]) -> Width:
    done = trained.operations(pairs[0][0])
    return Width(
        width=width,
        steps=len(pairs),
        rows=sum(int(batch["history"].shape[0]) for batch, _ in pairs),
        labels=sum(int((batch["weight"].numpy() > 0).sum()) for batch, _ in pairs),
        seconds=sum(seconds for _, seconds in pairs),
        matrix=done.matrix,
        moved=done.moved,
        kinds=dict(done.by_kind.most_common(_KINDS)),
    )


def _padding(batches: list[Any]) -> float:
    events = sum(int((batch["history"].numpy() > 0).sum()) for batch in batches)
    return 1 - events / sum(int(batch["history"].shape.num_elements()) for batch in batches)


def summary(found: dict[str, Any], rate: float, held: int) -> dict[str, Any]:
    """The figures that are told: of a step on average, and beside the machine's."""
    widths, steps = found["widths"], sum(width.steps for width in found["widths"])
    matrix, moved = (
        sum(getattr(width, name) * width.steps for width in widths) / steps for name in ("matrix", "moved")
    )
    return {
        "steps": steps,
        "padding": found["padding"],
        "milliseconds_a_step": 1000 * found["with_input"],
        "milliseconds_without_input": 1000 * found["alone"],
        "milliseconds_waiting": 1000 * found["wait"],
        "share_waiting": found["wait"] / found["with_input"],
        "labels_per_second": found["labels_per_second"],
        "matrix_operations_a_step": matrix,
        "bytes_a_step": moved,
        "matrix_rate": matrix / found["alone"],
        "machine_matrix_rate": rate,
        "share_of_machine": matrix / found["alone"] / rate,
        "bytes_of_weights_and_optimiser": held,
        "peak_bytes_of_process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def on(figures: dict[str, Any], tera_operations: float, gigabytes: float) -> dict[str, float]:
    """An ESTIMATE of the least that a step could take on another device: nothing was run there.

    The longer of what its published peaks of arithmetic and of memory would need, each fully used. A recurrence can't
    use them fully: its steps wait for one another.

    Args:
        figures: as `summary` gives them.
        tera_operations: 10^12 operations a second.
        gigabytes: 10^9 bytes a second.
    Returns: milliseconds for arithmetic, for memory, and at_least, their maximum.
    """
    arithmetic = figures["matrix_operations_a_step"] / tera_operations / 1e9
    memory = figures["bytes_a_step"] / gigabytes / 1e6
    return {"arithmetic": arithmetic, "memory": memory, "at_least": max(arithmetic, memory)}


def table(widths: list[Width], rate: float) -> Table:
    """A line a width."""
    made = Table(title="A step of training, input apart, by width")
    for column in ("width", "steps", "ms", "labels", "GFLOP", "MB moved", "GFLOP/s", "of the machine's"):
        made.add_column(column, justify="right")
    for width in widths:
        each = width.seconds / width.steps
        cells = (f"{width.steps}", f"{1000 * each:.1f}", f"{width.labels / width.steps:,.0f}")
        speed = width.matrix / each
        made.add_row(
            str(width.width), *cells, f"{width.matrix / 1e9:.2f}", f"{width.moved / 1e6:,.0f}", f"{speed / 1e9:.1f}",
            f"{speed / rate:.0%}",
        )  # fmt: skip
    return made


def main() -> None:
    """Measures, prints tables, and writes the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path, help="output root of a run")
    parser.add_argument("--config", type=pathlib.Path, help="the run's configuration")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="over the configuration")
    parser.add_argument("--threads", type=int, help="of TensorFlow's kernels; all cores if not given")
    parser.add_argument("--steps", type=int, default=60, help="batches to time")
    parser.add_argument("--peak", type=float, help="another device's 10^12 operations a second, for an estimate")
    parser.add_argument("--bandwidth", type=float, help="and its memory's 10^9 bytes a second")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("runs/profile.json"), help="results")
    arguments = parser.parse_args()
    figures, widths = run(arguments)
    console = Console()
    console.print(table(widths, figures["machine_matrix_rate"]))
    shares = [f"{kind} {moved / widths[-1].moved:.0%}" for kind, moved in widths[-1].kinds.items()]
    console.print(f"Bytes at width {widths[-1].width}: {', '.join(shares)}", highlight=False)
    for name, value in figures.items():
        console.print(f"{name:32} {value}" if isinstance(value, dict) else f"{name:32} {value:,.4g}", highlight=False)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    record = {**figures, "widths": [dataclasses.asdict(width) for width in widths]}
    arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[Width]]:
    """All measurements, on as many threads as asked for."""
    from pipeline.config import load
    from ranker import slices
    from ranker.training import numerics

    threads = arguments.threads or len(os.sched_getaffinity(0))
    config = load(arguments.config, arguments.set)
    slices.share_cores(config.trainer.batch_size, threads)
    rate = matrix_rate()
    job = read_job(arguments.root, config)
    with contextlib.ExitStack() as stack:
        stack.enter_context(numerics(job.options))
        trained = Trained(job)
        found = measure(trained, arguments.steps)
    figures = {"threads": threads, **summary(found, rate, trained.held_bytes())}
    if arguments.peak and arguments.bandwidth:
        figures["estimate_elsewhere_ms"] = on(figures, arguments.peak, arguments.bandwidth)
    return figures, found["widths"]


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # as the Trainer's process has it
    main()
