"""The Beam part: files -> batches -> (bucket, piece) =group=> histories -> the model's answers -> Parquet."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.parquetio import WriteToParquetBatched
from apache_beam.metrics import Metrics
from apache_beam.utils import shared

from components.batch_recommender.histories import Asked, Form, asked
from components.batch_recommender.options import Options
from ranker import saved
from ranker.saved import SavedRanker
from schemas import buckets as b
from schemas import models
from schemas.logs import Read, split_interactions
from schemas.records import RECOMMENDATIONS, lists

_CODEC = "zstd"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done.

    Args:
        files: Parquet files of interactions.
        model: folder of the published SavedModel, local or a URL.
        options: the stage's knobs.
        form: how events become histories.
        buckets: parts that users are split into.
        prefix: of the files that are written.
    """

    files: tuple[str, ...]
    model: str
    options: Options
    form: Form
    buckets: int
    prefix: str


def build(pipeline: beam.Pipeline, plan: Plan) -> None:
    """Adds all of the work to a pipeline."""
    _ = (
        pipeline
        | "Files" >> beam.Create(plan.files)
        | "Reshuffle" >> beam.Reshuffle()
        | "Read" >> beam.ParDo(Read(split_interactions, plan.buckets))
        | "Group" >> beam.GroupByKey()
        | "Recommend" >> beam.ParDo(_Recommend(plan))
        | "Write" >> WriteToParquetBatched(plan.prefix, RECOMMENDATIONS, codec=_CODEC, file_name_suffix=".parquet")
    )


class _Model:
    """A model that several threads share; a class of its own, since Beam keeps weak references."""

    def __init__(self, folder: str) -> None:
        with models.opened(folder) as path:
            self.ranker: SavedRanker = saved.load(path)
            self.facts: models.Facts = models.read_facts(path)


class _Recommend(beam.DoFn):
    """(bucket, pieces) -> tables of schemas.records.RECOMMENDATIONS."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._handle = plan, shared.Shared()

    def setup(self) -> None:
        self._model = self._handle.acquire(lambda: _Model(self._plan.model), tag=self._plan.model)

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[pa.Table]:
        rows, facts, plan = b.unpack(element[1]), self._model.facts, self._plan
        if rows is None:
            return
        told = {"window": facts.window, "mask_seen": facts.mask_seen, "batch_size": plan.options.batch_size}
        for users in asked(rows, plan.form, **told):
            Metrics.counter("seqrank", "recommended_users").inc(len(users.users))
            yield answers(self._model.ranker, users, plan.options.k)


def answers(model: SavedRanker, users: Asked, k: int) -> pa.Table:
    """The first k items of each user: schemas.records.RECOMMENDATIONS."""
    answer = model.recommend(users.items, users.times, users.users)
    ids, scores = answer.item_ids[:, :k], answer.scores[:, :k]
    there = ids != ""
    columns = [pa.array(users.users, pa.string()), lists(ids, there, pa.string()), lists(scores, there, pa.float32())]
    return pa.Table.from_arrays([c.cast(t) for c, t in zip(columns, RECOMMENDATIONS.types, strict=True)],
                                schema=RECOMMENDATIONS)  # fmt: skip
