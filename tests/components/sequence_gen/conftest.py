"""Runs the stage on a handful of interactions."""

from __future__ import annotations

import gzip
import json
import pathlib
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_artifacts

from components.sequence_gen.executor import Executor
from schemas import artifacts, contents
from schemas import features as f
from schemas.records import SequenceCounts, from_examples

_TYPES = {
    f.TIMESTAMP: pa.int64(),
    f.TIE: pa.int64(),
    f.ORDER: pa.int64(),
    f.SPAN: pa.int64(),
    f.RATING: pa.float32(),
    f.WEIGHT: pa.float32(),
}
_BEAM = ["--runner=FnApiRunner", "--sdk_container_image=unused"]


class Ran:
    """What one run of the stage left."""

    def __init__(self, root: pathlib.Path, outputs: dict) -> None:
        self.root = root
        self.artifacts = {name: found[0] for name, found in outputs.items()}
        self.report = SequenceCounts.load(root / "report" / contents.SEQUENCE_REPORT_FILE)
        self.counts = pq.read_table(root / "item_counts" / contents.ITEM_COUNTS_FILE)

    def records(self, split: str) -> list[bytes]:
        files = sorted((self.root / "sequences" / f"Split-{split}").iterdir())
        return [record for file in files for record in _records(gzip.decompress(file.read_bytes()))]

    def rows(self, split: str) -> list[dict]:
        records = self.records(split)
        return from_examples(records).to_pylist() if records else []


def _records(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        found.append(data[at + 12 : at + 12 + length])
        at += length + 16
    return found


def _write(folder: pathlib.Path, columns: dict[str, list], files: int) -> pathlib.Path:
    """A column of lists each, in Split-all, as InteractionExampleGen and TableExampleGen leave them."""
    table = pa.table({name: _lists(name, values) for name, values in columns.items()})
    (folder / "Split-all").mkdir(parents=True)
    for number, rows in enumerate(np.array_split(np.arange(table.num_rows), files)):
        pq.write_table(table.take(pa.array(rows)), folder / "Split-all" / f"part-{number}.parquet")
    return folder


def _lists(name: str, values: list) -> pa.Array:
    """Values that are no list become a list of one."""
    lists = [value if isinstance(value, list) else [value] for value in values]
    return pa.array(lists, pa.list_(_TYPES.get(name, pa.string())))


def _examples(folder: pathlib.Path) -> standard_artifacts.Examples:
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    examples.split_names = artifact_utils.encode_split_names([f.ALL])
    return examples


def _run(
    root: pathlib.Path,
    columns: dict[str, list],
    *,
    window: int = 5,
    files: int = 1,
    users: dict[str, list] | None = None,
    **options,
) -> Ran:
    inputs = {"examples": [_examples(_write(root / "examples", columns, files))]}
    if f.SPAN in columns:
        inputs["examples"][0].span = max(columns[f.SPAN])
    if users is not None:
        inputs["users"] = [_examples(_write(root / "users", users, files))]
    outputs = {}
    for name, kind in (
        ("sequences", standard_artifacts.Examples),
        ("item_counts", artifacts.ItemCounts),
        ("report", artifacts.SequenceReport),
    ):
        outputs[name] = [kind()]
        outputs[name][0].uri = str(root / name)
        (root / name).mkdir()
    properties = {"window": window, "options": json.dumps(options), "code_version": "x"}
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=_BEAM, tmp_dir=str(root / "tmp"), unique_id="1"
    )
    Executor(context).Do(inputs, outputs, properties)
    return Ran(root, outputs)


def _log(users: dict[str, str], time: int = 10) -> dict[str, list]:
    """One event a letter, `time` milliseconds apart."""
    events = [(user, item, time * at) for user, items in users.items() for at, item in enumerate(items)]
    columns = {name: [event[i] for event in events] for i, name in enumerate((f.USER_ID, f.ITEM_ID, f.TIMESTAMP))}
    return columns | {f.TIE: [7919 * i % 1000 for i in range(len(events))]}


@pytest.fixture
def run() -> Callable[..., Ran]:
    """(root, columns, users=columns of a users table, **options) -> what SequenceGen makes of them."""
    return _run


@pytest.fixture
def log() -> Callable[..., dict[str, list]]:
    """({user: items}, time=10) -> columns: one event a letter, `time` milliseconds apart."""
    return _log
