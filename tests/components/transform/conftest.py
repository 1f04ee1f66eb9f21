"""Sequences written as SequenceGen writes them, and TFT's own analysis of them."""

import apache_beam as beam
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
from tfx_bsl.public import tfxio

from components.curated_schema.curate import curate
from components.transform.options import Options
from components.transform.preprocessing import preprocessing_fn
from schemas import records


def sequence(user, history, label, loss_from=0, seen=(), timestamps=None, learn_from=None, **more):
    """A row as SequenceGen writes it; `more`: contexts and user features, lists of str."""
    return {
        "user_id": [user.encode()],
        "history": [item.encode() for item in history],
        "history_timestamp": list(timestamps or range(1, 1 + len(history))),
        "label": [item.encode() for item in label],
        "label_timestamp": [1] * len(label),
        "loss_from": [loss_from],
        **({} if learn_from is None else {"learn_from": [learn_from]}),
        "seen": [item.encode() for item in seen],
        "history_length": [b"0"],
        "label_popularity": [b""],
        "label_repeats": [0],
        **{name: [value.encode() for value in values] for name, values in more.items()},
    }


def _examples(rows):
    integers = ("history_timestamp", "label_timestamp", "loss_from", "learn_from", "label_repeats")
    columns = {
        name: pa.array([row[name] for row in rows], pa.list_(pa.int64() if name in integers else pa.binary()))
        for name in rows[0]
    }
    return records.to_examples(pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)))


def _source(folder, split, rows, schema):
    path = folder / f"{split}.gz"
    with tf.io.TFRecordWriter(str(path), options="GZIP") as out:
        for example in _examples(rows):
            out.write(example)
    return tfxio.TFExampleRecord(file_pattern=str(path), schema=schema, telemetry_descriptors=["test"])


@pytest.fixture
def make_sequence():
    return sequence


@pytest.fixture
def as_examples():
    return _examples


@pytest.fixture
def analyze(tmp_path):
    """analyze(training rows, options, users, items, keys) -> tft.TFTransformOutput, by TFT's real analyzers."""

    def run(rows, options=None, users=False, items=False, keys=False):
        config = {"options": (options or Options()).model_dump_json(), "users": users, "items": items, "keys": keys}
        optional = [name for name in rows[0] if name.startswith(("history_context_", "user_feature_", "learn_from"))]
        schema = curate("sequences.pbtxt", optional)
        source = _source(tmp_path, "train", rows, schema)
        with (
            beam.Pipeline(runner="FnApiRunner") as pipeline,
            tft_beam.Context(temp_dir=str(tmp_path / "scratch")),
        ):
            data = (pipeline | source.BeamSource(), source.TensorAdapterConfig())
            graph = data | tft_beam.AnalyzeDataset(lambda inputs: preprocessing_fn(inputs, custom_config=config))
            _ = graph | tft_beam.WriteTransformFn(str(tmp_path / "graph"))
        raw = dataset_metadata.DatasetMetadata(schema)
        metadata_io.write_metadata(raw, str(tmp_path / "graph" / tft.TFTransformOutput.RAW_METADATA_DIR))
        return tft.TFTransformOutput(str(tmp_path / "graph"))

    return run
