"""The Beam part: which work is done where, and what is global.

files -> batches -> (bucket, piece) =group=> events in order [-> k-core] -> split -> item counts =add up=> popularity
                                                                              └──────────── sequences <──┘ side input
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import apache_beam as beam
import polars as pl
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from components.sequence_gen import buckets as b
from components.sequence_gen import core, counts, files, histories
from components.sequence_gen.options import Options
from components.sequence_gen.sequences import Sequences
from components.sequence_gen.splits import SPLIT, USER, load
from schemas import features as f
from schemas import parquet
from schemas.records import SequenceCounts, to_examples

_BATCH_ROWS: Final = 1 << 20  # large, so that a bucket's share of a batch is worth its header
_COMPACT: Final = 16  # counts that an accumulator holds before it adds them up
_COUNTS, _REPORT = "counts", "report"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What SequenceGen is to do.

    Args:
        files: Parquet files of interactions.
        options: the stage's knobs.
        window: events of a sequence at most.
        buckets: parts that users are split into.
        sequences: folder of the sequences' artifact.
        item_counts: file of the item counts.
        report: file of the report.
    """

    files: tuple[str, ...]
    options: Options
    window: int
    buckets: int
    sequences: str
    item_counts: str
    report: str


def build(pipeline: beam.Pipeline, plan: Plan) -> None:
    """Adds all of SequenceGen's work to a pipeline."""
    pieces = (
        pipeline | "Files" >> beam.Create(plan.files) | beam.Reshuffle() | "Read" >> beam.ParDo(_Read(plan.buckets))
    )
    # Each bucket exists, rows or not, so that each split has its files even where nothing is in it.
    every = pipeline | "Buckets" >> beam.Create([(bucket, b"") for bucket in range(plan.buckets)])
    grouped = (pieces, every) | beam.Flatten() | beam.GroupByKey()
    ordered, dropped = grouped | "Order" >> beam.ParDo(_Order(plan.options.repeats)).with_outputs(
        _REPORT, main="events"
    )
    reports = [dropped]
    if plan.options.k_core.active:
        ordered, below = _keep_core(ordered, plan)
        reports.append(below)
    events, item_counts, sizes = ordered | "Split" >> beam.ParDo(_Split(plan.options)).with_outputs(
        _COUNTS, _REPORT, main="events"
    )
    totals = item_counts | "AddCounts" >> beam.CombineGlobally(_AddCounts())
    popularity = totals | "Popularity" >> beam.Map(lambda packed: _pack(counts.popularity(_unpack(packed))))
    written = events | "Sequences" >> beam.ParDo(_Write(plan), beam.pvalue.AsSingleton(popularity))
    total = (
        (*reports, sizes, written) | "Reports" >> beam.Flatten() | "AddReports" >> beam.CombineGlobally(_add_reports)
    )
    _ = totals | "WriteCounts" >> beam.Map(_write_counts, plan.item_counts)
    _ = total | "WriteReport" >> beam.Map(_write_report, beam.pvalue.AsSingleton(totals), plan)


def _keep_core(ordered: beam.PCollection, plan: Plan) -> tuple[beam.PCollection, beam.PCollection]:
    kept = (
        ordered
        | "Pairs" >> beam.Map(lambda element: (0, _pack(core.pairs(_unpack(element[1])))))
        | "AllPairs" >> beam.GroupByKey()
        | "Core" >> beam.Map(_core, plan.options.k_core.users, plan.options.k_core.items)
    )
    return ordered | "Keep" >> beam.ParDo(_Keep(), beam.pvalue.AsSingleton(kept)).with_outputs(_REPORT, main="events")


def _core(element: tuple[int, Iterable[bytes]], users: int, items: int) -> core.Kept:
    return core.k_core(pl.concat(_unpack(piece) for piece in element[1]), users, items)


class _Read(beam.DoFn):
    """File -> (bucket, piece)."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets

    def process(self, path: str) -> Iterator[tuple[int, bytes]]:
        with FileSystems.open(path) as handle:
            for batch in parquet.batches(handle, rows=_BATCH_ROWS, threads=False):
                yield from b.split(b.flatten(batch), self._buckets)


class _Order(beam.DoFn):
    """(bucket, pieces) -> (bucket, events in order); a bucket without rows gives an empty table of its columns."""

    def __init__(self, repeats: Literal["keep", "drop"]) -> None:
        self._repeats = repeats

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
        bucket, pieces = element
        rows = b.unpack(piece for piece in pieces if piece)
        if rows is None:
            rows = pl.DataFrame(schema={f.USER_ID: pl.String, f.ITEM_ID: pl.String, f.TIMESTAMP: pl.Int64})
        events, dropped = histories.order(rows, self._repeats)
        yield bucket, _pack(events)
        yield beam.pvalue.TaggedOutput(_REPORT, dropped)


class _Keep(beam.DoFn):
    """Drops what is below the core."""

    def process(self, element: tuple[int, bytes], kept: core.Kept) -> Iterator[Any]:
        events = _unpack(element[1])
        inside = core.keep(events, kept)
        yield element[0], _pack(inside)
        yield beam.pvalue.TaggedOutput(_REPORT, {"below_core": events.height - inside.height})


class _Split(beam.DoFn):
    """Marks splits and labels; gives the item counts of training, and the number of users."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def process(self, element: tuple[int, bytes]) -> Iterator[Any]:
        bucket, packed = element
        events = load(self._options.split.name).assign(_unpack(packed), self._options.split)
        users = events.group_by(USER).agg((pl.col(SPLIT) == f.TRAIN).any())[SPLIT]
        yield bucket, _pack(events)
        yield beam.pvalue.TaggedOutput(_COUNTS, _pack(counts.of_training(events)))
        yield beam.pvalue.TaggedOutput(
            _REPORT,
            {
                "interactions": events.height,
                "users": len(users),
                "users_without_training": len(users) - int(users.sum()),
            },
        )


class _Write(beam.DoFn):
    """Makes a bucket's sequences and writes one file a split; gives what the report says of them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def process(self, element: tuple[int, bytes], popularity: bytes) -> Iterator[dict[str, int]]:
        plan = self._plan
        sequences = Sequences(
            _unpack(element[1]),
            _unpack(popularity),
            window=plan.window,
            overlap=plan.options.overlap_in(plan.window),
            mask_seen=plan.options.mask_seen,
        )
        written = {}
        for split in f.SEQUENCE_SPLITS:
            file = files.name(element[0], plan.buckets)
            with files.tfrecords(plan.sequences, f"Split-{split}", file) as write:
                written[f"examples/{split}"] = 0
                for batch in sequences.of(split):
                    write(to_examples(batch))
                    written[f"examples/{split}"] += batch.num_rows
        for split in (f.VALID, f.TEST):
            written |= {
                f"cold_labels/{split}": sequences.cold[split],
                f"repeated_labels/{split}": sequences.repeated[split],
            }
        yield written


class _AddCounts(beam.CombineFn):
    """Item counts of buckets -> item counts of all, most frequent first."""

    def create_accumulator(self) -> list[pl.DataFrame]:
        return []

    def add_input(self, accumulator: list[pl.DataFrame], packed: bytes) -> list[pl.DataFrame]:
        accumulator = [*accumulator, _unpack(packed)]
        return [counts.add_up(accumulator)] if len(accumulator) >= _COMPACT else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[pl.DataFrame]]) -> list[pl.DataFrame]:
        return [counts.add_up(frame for accumulator in accumulators for frame in accumulator)]

    def extract_output(self, accumulator: list[pl.DataFrame]) -> bytes:
        return _pack(counts.add_up(accumulator))


def _add_reports(reports: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for report in reports:
        for key, number in report.items():
            total[key] = total.get(key, 0) + number
    return total


def _write_counts(packed: bytes, path: str) -> None:
    sink = io.BytesIO()
    pq.write_table(counts.to_table(_unpack(packed)), sink, compression="zstd")
    files.write(path, sink.getvalue())


def _write_report(total: dict[str, int], packed: bytes, plan: Plan) -> None:
    item_counts = _unpack(packed)
    nested: dict[str, Any] = {"below_core": 0, "items": item_counts.height, "buckets": plan.buckets}
    nested["training_interactions"] = int(item_counts[counts.COUNT].sum())
    for key, number in total.items():
        name, _, split = key.partition("/")
        if split:
            nested.setdefault(name, {})[split] = number
        else:
            nested[name] = number
    files.write(plan.report, (SequenceCounts(**nested).model_dump_json(indent=2) + "\n").encode())


def _pack(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_ipc(sink, compression="zstd")
    return sink.getvalue()


def _unpack(packed: bytes) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(packed))
