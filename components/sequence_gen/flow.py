"""The Beam part: which work is done where, and what is global.

files -> batches -> (bucket, piece) =group=> events in order [-> k-core] -> split -> item counts =add up=> popularity
                                                                              └──────────── sequences <──┘ side input
users table -> batches -> (bucket, piece) ────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apache_beam as beam
import polars as pl
import pyarrow.parquet as pq
from apache_beam.metrics import Metrics

from components.sequence_gen import core, counts, files, rare, reporting, users
from components.sequence_gen.options import Options
from components.sequence_gen.sequences import Sequences
from components.sequence_gen.splits import NEW, load
from schemas import buckets as b
from schemas import features as f
from schemas import histories
from schemas.logs import Read, Split, split_interactions
from schemas.records import to_examples

_COMPACT: Final = 16  # counts that an accumulator holds before it adds them up
_COUNTS, _REPORT = "counts", "report"
_NO_ROWS: Final = {f.USER_ID: pl.String, f.ITEM_ID: pl.String, f.TIMESTAMP: pl.Int64, f.SPAN: pl.Int64}


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
        newest: the span that labels come from; None: from the whole log.
        user_files: Parquet files of the users table; none: there is no table.
        user_features: its features.
    """

    files: tuple[str, ...]
    options: Options
    window: int
    buckets: int
    sequences: str
    item_counts: str
    report: str
    newest: int | None = None
    user_files: tuple[str, ...] = ()
    user_features: tuple[str, ...] = ()

    @property
    def learn_new(self) -> bool:
        """Whether training learns labels of the newest span alone."""
        return self.newest is not None and self.options.span_labels == "newest"


def build(pipeline: beam.Pipeline, plan: Plan) -> None:
    """Adds all of SequenceGen's work to a pipeline."""
    pieces = _pieces(pipeline, "", plan.files, split_interactions, plan.buckets)
    # Each bucket exists, rows or not, so that each split has its files even where nothing is in it.
    every = pipeline | "Buckets" >> beam.Create([(bucket, b"") for bucket in range(plan.buckets)])
    grouped = (pieces, every) | beam.Flatten() | beam.GroupByKey()
    ordered, dropped = grouped | "Order" >> beam.ParDo(_Order(plan.options, plan.newest)).with_outputs(
        _REPORT, main="events"
    )
    reports = [dropped]
    if plan.options.k_core.active:
        ordered, below = _keep_core(ordered, plan)
        reports.append(below)
    events, item_counts, sizes = ordered | "Split" >> beam.ParDo(_Split(plan.options)).with_outputs(
        _COUNTS, _REPORT, main="events"
    )
    if plan.options.min_item_users > 1:
        events, item_counts, held = _hold_back(events, plan)
        reports.append(held)
    totals = item_counts | "AddCounts" >> beam.CombineGlobally(_AddCounts())
    popularity = totals | "Popularity" >> beam.Map(lambda packed: _pack(counts.popularity(_unpack(packed))))
    written = _with_users(pipeline, events, plan) | "Sequences" >> beam.ParDo(
        _Write(plan), beam.pvalue.AsSingleton(popularity)
    )
    total = (
        (*reports, sizes, written) | "Reports" >> beam.Flatten() | "AddReports" >> beam.CombineGlobally(reporting.add)
    )
    _ = totals | "WriteCounts" >> beam.Map(_write_counts, plan.item_counts)
    _ = total | "WriteReport" >> beam.Map(_write_report, beam.pvalue.AsSingleton(totals), plan)


def _pieces(pipeline: beam.Pipeline, name: str, paths: tuple[str, ...], split: Split, buckets: int) -> beam.PCollection:
    """(bucket, piece) of files."""
    return (
        pipeline
        | f"{name}Files" >> beam.Create(paths)
        | f"{name}Reshuffle" >> beam.Reshuffle()
        | f"{name}Read" >> beam.ParDo(Read(split, buckets))
    )


def _with_users(pipeline: beam.Pipeline, events: beam.PCollection, plan: Plan) -> beam.PCollection:
    """(bucket, events) -> (bucket, ([events], pieces of the users table))."""
    if not plan.user_files:
        return events | "NoUsers" >> beam.MapTuple(lambda bucket, packed: (bucket, ([packed], ())))
    pieces = _pieces(pipeline, "Users", plan.user_files, users.split, plan.buckets)
    return (events, pieces) | "JoinUsers" >> beam.CoGroupByKey()


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


def _hold_back(events: beam.PCollection, plan: Plan) -> tuple[beam.PCollection, ...]:
    """Events without training's rare items, the counts of what is left, and how much went."""
    sessions = plan.options.session_gap is not None
    rare_items = (
        events
        | "ItemUsers" >> beam.MapTuple(lambda _, packed: _pack(rare.users_of(_unpack(packed), sessions)))
        | "AddItemUsers" >> beam.CombineGlobally(_AddCounts())
        | "RareItems" >> beam.Map(lambda packed, least: _pack(rare.rare(_unpack(packed), least)),
                                  plan.options.min_item_users)
    )  # fmt: skip
    held = events | "HoldBack" >> beam.ParDo(_HoldBack(), beam.pvalue.AsSingleton(rare_items)).with_outputs(
        _COUNTS, _REPORT, main="events"
    )
    return held.events, held[_COUNTS], held[_REPORT]


class _HoldBack(beam.DoFn):
    """Drops training's events of rare items."""

    def process(self, element: tuple[int, bytes], rare_items: bytes) -> Iterator[Any]:
        events = _unpack(element[1])
        left = rare.without(events, _unpack(rare_items))
        yield element[0], _pack(left)
        yield beam.pvalue.TaggedOutput(_COUNTS, _pack(counts.of_training(left)))
        yield beam.pvalue.TaggedOutput(_REPORT, {"held_back": events.height - left.height})


class _Order(beam.DoFn):
    """(bucket, pieces) -> (bucket, events in order); a bucket without rows gives an empty table of its columns."""

    def __init__(self, options: Options, newest: int | None) -> None:
        self._options, self._newest = options, newest

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
        bucket, pieces = element
        rows = b.unpack(piece for piece in pieces if piece)
        if rows is None:
            rows = pl.DataFrame(schema=_NO_ROWS)
        events, dropped = histories.order(rows, self._options.repeats, self._options.session_gap)
        if self._newest is not None:
            events = events.with_columns((pl.col(f.SPAN) == self._newest).alias(NEW))
        events = events.drop(f.SPAN, strict=False)
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
        yield bucket, _pack(events)
        yield beam.pvalue.TaggedOutput(_COUNTS, _pack(counts.of_training(events)))
        yield beam.pvalue.TaggedOutput(_REPORT, reporting.of_split(events, self._options.session_gap is not None))


class _Write(beam.DoFn):
    """(bucket, events and users) -> what the report says of the sequences, which go to one file a split."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def process(
        self, element: tuple[int, tuple[Iterable[bytes], Iterable[bytes]]], popularity: bytes
    ) -> Iterator[dict[str, int]]:
        plan, (bucket, (packed, pieces)) = self._plan, element
        (events,) = map(_unpack, packed)
        sequences = Sequences(
            events,
            _unpack(popularity),
            window=plan.window,
            overlap=plan.options.overlap_in(plan.window),
            mask_seen=plan.options.mask_seen,
            until_split=plan.options.split.until_split,
            learn_new=plan.learn_new,
            features=users.features(events, pieces, plan.user_features, sessions=plan.options.session_gap is not None),
        )
        written = {}
        for split in f.SEQUENCE_SPLITS:
            file = files.name(bucket, plan.buckets)
            with files.tfrecords(plan.sequences, f"Split-{split}", file) as write:
                written[f"examples/{split}"] = 0
                for batch in sequences.of(split):
                    write(to_examples(batch))
                    written[f"examples/{split}"] += batch.num_rows
                    Metrics.counter("seqrank", f"sequences_{split}").inc(batch.num_rows)
        written["training_labels"] = sequences.learnt
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


def _write_counts(packed: bytes, path: str) -> None:
    sink = io.BytesIO()
    pq.write_table(counts.to_table(_unpack(packed)), sink, compression="zstd")
    files.write(path, sink.getvalue())


def _write_report(total: dict[str, int], packed: bytes, plan: Plan) -> None:
    made = reporting.made(total, _unpack(packed), plan.options.split, plan.buckets, plan.newest)
    files.write(plan.report, (made.model_dump_json(indent=2) + "\n").encode())


def _pack(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_ipc(sink, compression="zstd")
    return sink.getvalue()


def _unpack(packed: bytes) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(packed))
