"""What stages leave, in a form that doesn't depend on how the work was cut up: the same records are equal."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import polars as pl
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_metadata.proto.v0 import statistics_pb2

from schemas import features


def rows(folder: pathlib.Path) -> pl.DataFrame:
    """All rows of a folder's Parquet files, in an order of their own."""
    frame = pl.read_parquet(sorted(folder.glob("*.parquet")))
    return frame.sort([name for name, kind in frame.schema.items() if not kind.is_nested()])


def examples(folder: pathlib.Path) -> list[bytes]:
    """All tf.Examples of a folder's files, in an order of their own."""
    files = sorted(str(file) for file in folder.glob("*.gz"))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
    return sorted(tf.train.Example.FromString(record).SerializeToString(deterministic=True) for record in records)


def statistics(folder: pathlib.Path) -> dict[str, Any]:
    """TFDV's statistics, by feature: what is counted, without sketches, which depend on the order of what they add."""
    (file,) = folder.glob("FeatureStats.pb")
    (of_all,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes()).datasets
    told = {"": {"num_examples": of_all.num_examples}}
    for feature in of_all.features:
        told[".".join(feature.path.step)] = {**_exact(json_format.MessageToDict(feature))}
    return told


def _exact(told: Any) -> Any:
    """Leaves out quantiles and histograms; numbers to nine digits, since sums depend on their order."""
    if isinstance(told, dict):
        return {
            key: _exact(value)
            for key, value in sorted(told.items())
            if "histogram" not in key.lower() and key not in ("median", "topValues")
        }
    if isinstance(told, list):
        return [_exact(value) for value in told]
    return float(f"{told:.9g}") if isinstance(told, float) else told


def vocabularies(folder: pathlib.Path) -> dict[str, bytes]:
    """Each vocabulary of a transform graph, by its name."""
    return {file.name: file.read_bytes() for file in sorted((folder / "transform_fn" / "assets").iterdir())}


def metrics(file: pathlib.Path) -> dict[str, float]:
    """Numbers of a JSON file by their path, to nine digits."""
    return dict(_numbers(json.loads(file.read_text()), ""))


def _numbers(told: Any, path: str) -> Any:
    if isinstance(told, dict):
        for key, value in told.items():
            yield from _numbers(value, f"{path}/{key}")
    elif isinstance(told, list):
        for i, value in enumerate(told):
            yield from _numbers(value, f"{path}/{i}")
    elif isinstance(told, (int, float)):
        yield path, float(f"{told:.9g}")


# Of TFDV, TFT and TFMA: they count batches and their padding, and how often a combiner's state was made smaller.
_OF_BATCHES = ("num_compacts", "transform_input_tensors", "record_batch_input_bytes", "evaluate_num_instances")


def counters(results: list[Any]) -> dict[str, int]:
    """What was counted by all of a stage's pipelines, without an engine's own clocks and sizes, and without batches."""
    counted: dict[str, int] = {}
    for result in results:
        for metric in result.metrics().query()["counters"]:
            name = metric.key.metric
            of_batches = any(each in name.name for each in _OF_BATCHES)
            if name.namespace.startswith("beam") or of_batches or not metric.committed:  # an engine may omit a 0
                continue
            key = f"{name.namespace}:{name.name}"
            counted[key] = counted.get(key, 0) + metric.committed
    return counted


def assert_same(one: pathlib.Path, other: pathlib.Path) -> None:
    """Asserts that two folders hold the same records."""
    assert rows(one / "examples" / "Split-all").equals(rows(other / "examples" / "Split-all"))
    assert statistics(one / "statistics" / "Split-all") == statistics(other / "statistics" / "Split-all")
    for name in ("sequences", "transformed_examples"):
        for split in features.SEQUENCE_SPLITS:
            found, expected = (examples(place / name / f"Split-{split}") for place in (one, other))
            assert len(expected) > 100
            assert found == expected
    counts = (place / "item_counts" / "item_counts.parquet" for place in (one, other))
    assert len({file.read_bytes() for file in counts}) == 1
    assert vocabularies(one / "transform_graph") == vocabularies(other / "transform_graph")
    assert rows(one / "evaluation" / "per_user").equals(rows(other / "evaluation" / "per_user"))
    assert metrics(one / "evaluation" / "metrics.json") == metrics(other / "evaluation" / "metrics.json")
    for report in ("rejected/counts.json", "report/sequences.json"):
        assert metrics(one / report) == metrics(other / report)


def assert_same_counts(counted: dict[str, Any], expected: dict[str, Any]) -> None:
    """Asserts that each stage counted the same on both; `counters` leaves out what counts batches."""
    different = {
        (stage, name): (found.get(name), expected[stage].get(name))
        for stage, found in counted.items()
        for name in found.keys() | expected[stage].keys()
        if found.get(name) != expected[stage].get(name)
    }
    assert different == {}
