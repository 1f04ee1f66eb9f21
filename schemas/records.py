"""Tables and small JSON files that stages leave for each other and for people."""

from __future__ import annotations

import datetime
import pathlib
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Sequence

REJECTED = pa.schema(
    [
        ("file", pa.string()),  # as the configuration's glob found it
        ("line", pa.int64()),  # of a text file, 1 is its first; of Parquet, the row, 1 is its first
        ("reason", pa.string()),  # a fixed sentence for each kind of fault: rejects are counted by it
        ("text", pa.string()),  # the row as read, at most 1,000 characters; undecodable bytes as \xNN
    ]
)

RECOMMENDATIONS = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_ids", pa.list_(pa.string())),  # best first, fewer than k where no more are left
        ("scores", pa.list_(pa.float32())),  # beside them; of the head next_item no more than an order
    ]
)

ITEM_COUNTS = pa.schema([("item_id", pa.string()), ("count", pa.int64())])

PER_USER = pa.schema(
    [
        ("split", pa.string()),
        ("user_id", pa.string()),
        ("label", pa.string()),
        ("label_timestamp", pa.int64()),
        ("rank", pa.int64()),  # of the label, under the candidate model; 1 is best, 0: no candidate, a miss
        ("popularity_rank", pa.int64()),  # under the most-popular baseline of the same training split
        ("baseline_rank", pa.int64()),  # under the latest blessed model; null where there is none
        ("recent_rank", pa.int64()),  # under the user's own latest items; null where items of the past are masked
        ("top_items", pa.list_(pa.string())),  # the candidate's first schemas.features.TOP_K
        (f.HISTORY_LENGTH, pa.string()),
        (f.LABEL_POPULARITY, pa.string()),
        (f.LABEL_REPEATS, pa.int64()),
        ("user_groups", pa.list_(pa.string())),  # <column of the users table>=<value>; empty where there is no table
    ]
)

# Of heads that say more than an order: one row a pair of a history and an item, its label or a drawn one.
PAIRS = pa.schema(
    [
        ("split", pa.string()),
        ("user_id", pa.string()),
        ("label", pa.string()),
        ("label_timestamp", pa.int64()),
        ("item", pa.string()),
        ("target", pa.float64()),  # pointwise: 1 the label, 0 a drawn item; rating: the rating given
        ("weight", pa.float64()),  # pointwise: 1 the label, all drawn items together the loss's ratio; rating: 1
        ("candidate", pa.float64()),  # the candidate model's probability, or rating
        ("by_item", pa.float64()),  # by the item alone: its popularity's probability, or its mean rating of training
        ("constant", pa.float64()),  # the same for every pair: the rate of labels, or the mean rating of training
        ("baseline", pa.float64()),  # the latest blessed model's, by_item where it doesn't know the item; or null
        (f.HISTORY_LENGTH, pa.string()),
        (f.LABEL_POPULARITY, pa.string()),
        (f.LABEL_REPEATS, pa.int64()),
    ]
)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def save(self, path: str | pathlib.Path) -> None:
        """Writes the record as JSON that a person can read."""
        pathlib.Path(path).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | pathlib.Path):
        """Reads what `save` wrote; raises pydantic's ValidationError where it isn't that."""
        return cls.model_validate_json(pathlib.Path(path).read_text(encoding="utf-8"))


class ReadFile(_Record):
    """One file of the input."""

    name: str
    size: Annotated[int, Field(description="bytes")]
    sha256: str
    read: Annotated[int, Field(description="rows, without header and blank lines")]
    rejected: int
    forgotten: Annotated[int, Field(description="rows of users who are left out (example_gen.forgotten)")] = 0
    span: Annotated[int | None, Field(description="which part of the log; None: it isn't read by span")] = None


class ReadCounts(_Record):
    """What InteractionExampleGen read: used + rejected + forgotten = read."""

    read: int
    used: int
    rejected: int
    forgotten: int = 0
    reasons: Annotated[dict[str, int], Field(description="rejected rows by reason, most frequent first")]
    files: list[ReadFile]

    @property
    def spans(self) -> list[int]:
        """Those that were read, ascending; empty where the log isn't read by span."""
        return sorted({file.span for file in self.files if file.span is not None})


class DataAnomaly(_Record):
    """Where the statistics contradict the curated schema."""

    feature: Annotated[str, Field(description='"": the data as a whole')]
    kind: Annotated[str, Field(description="tensorflow_metadata's AnomalyInfo.Type")]
    what: str
    refused: Annotated[bool, Field(description="of a kind that data_gate.refuse_anomalies names")]


class DataSummary(_Record):
    """What DataGate saw."""

    read: int
    used: int
    rejected: int
    rejected_share: float
    reasons: dict[str, int]
    first_time: Annotated[int | None, Field(description="milliseconds since 1970 UTC; None without rows")]
    last_time: int | None
    sampled_users: Annotated[
        float, Field(description="share of users that the figures below were taken from; 1.0: all, and they are exact")
    ]
    users: int
    users_with_one_event: int
    sessions: Annotated[int | None, Field(description="None without `session_gap`: a user's events are one")] = None
    items: int
    duplicates: Annotated[int, Field(description="exact duplicate rows, left out below")]
    labels: Annotated[int, Field(description="events that have one before them, in their session where there are any")]
    repeated_labels: Annotated[int, Field(description="labels whose item is in the user's past already")]
    unreachable_share: Annotated[float, Field(description="of labels, that could never be hit; 0 without masking")]
    anomalies: list[DataAnomaly]
    warnings: list[str]


class TableSummary(_Record):
    """What TableGate saw of the items or users table."""

    read: int
    used: Annotated[int, Field(description="rows, each of another id")]
    rejected: int
    rejected_share: float
    reasons: dict[str, int]
    ids_in_log: Annotated[int, Field(description="different ids that the log has")]
    not_in_log: Annotated[int, Field(description="rows whose id the log never has; of items: candidates all the same")]
    missing: Annotated[int, Field(description="ids of the log without a row")]
    missing_share: Annotated[float, Field(description="of the log's ids")]
    missing_events: Annotated[float, Field(description="share of the log's events whose id has no row")]
    missing_examples: list[str]
    empty: Annotated[dict[str, float], Field(description="by column, share of the used rows with an empty cell")]
    early_events: Annotated[
        float | None,
        Field(
            description="share of the log's events before their item's publication; None: the table has no such time"
        ),
    ] = None
    anomalies: list[DataAnomaly]
    warnings: list[str]


class SequenceCounts(_Record):
    """What SequenceGen made of the interactions."""

    interactions: Annotated[int, Field(description="after exact duplicates were collapsed and k-core applied")]
    duplicates: Annotated[int, Field(description="exact duplicate rows that were collapsed")]
    below_core: Annotated[int, Field(description="interactions dropped by k-core")]
    repeats_dropped: Annotated[int, Field(description="interactions dropped by `repeats: drop`")] = 0
    held_back: Annotated[int, Field(description="training interactions dropped by `min_item_users`")] = 0
    users: int
    sessions: Annotated[int | None, Field(description="sequences; None without `session_gap`: one a user")] = None
    users_without_training: Annotated[
        int, Field(description="users (with `session_gap`, sessions) whose every event is validation or test")
    ]
    items: Annotated[int, Field(description="distinct items of the training split")]
    training_interactions: int
    examples: Annotated[dict[str, int], Field(description="by split")]
    cold_labels: Annotated[dict[str, int], Field(description="by split: labels that training never saw")]
    repeated_labels: Annotated[dict[str, int], Field(description="by split: labels that repeat the user's past")]
    buckets: int
    valid_from: Annotated[
        datetime.datetime | None, Field(description="first moment of validation; None where the split has none")
    ] = None
    test_from: Annotated[datetime.datetime | None, Field(description="first moment of test")] = None
    training_labels: Annotated[int | None, Field(description="labels that training learns, each once")] = None
    newest_span: Annotated[
        int | None, Field(description="the span that labels come from; None: they come from the whole log")
    ] = None


def to_examples(batch: pa.RecordBatch) -> Sequence[bytes]:
    """Serialises sequences.

    Args:
        batch: columns named in schemas.features, each a list per row: list<large_binary|binary|string>, list<int64>
            or list<float>; strings are taken as UTF-8.
    Returns: one serialised tf.train.Example a row, in order.
    """
    from tfx_bsl.coders import example_coder

    columns = [_as_bytes(column) for column in batch.columns]
    return example_coder.RecordBatchToExamplesEncoder().encode(
        pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    )


def _as_bytes(column: pa.Array) -> pa.Array:
    return column.cast(pa.list_(pa.binary())) if column.type == pa.list_(pa.string()) else column


def from_examples(examples: Sequence[bytes]) -> pa.RecordBatch:
    """Reads back what `to_examples` wrote; every column is a list, bytes stay bytes."""
    from tfx_bsl.coders import example_coder

    return example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(list(examples))


def lists(values: np.ndarray, there: np.ndarray, kind: pa.DataType) -> pa.ListArray:
    """[n, K] values and [n, K] bool -> [n] list<kind> of those that are there, in their order."""
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values[there].tolist(), kind))
