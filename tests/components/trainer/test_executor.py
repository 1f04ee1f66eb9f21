"""The Trainer's executor on a real TFT graph: artifacts in, artifacts out, checkpoints gone."""

import json
import logging

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
from tfx.types import channel, standard_artifacts
from tfx_bsl.public import tfxio

from components.curated_schema.curate import curate
from components.trainer.component import Trainer
from components.trainer.executor import Executor, training_digest
from components.trainer.options import Options
from components.transform.options import Options as TransformOptions
from components.transform.preprocessing import preprocessing_fn
from schemas import artifacts, records
from schemas.digest import directory_digest

ITEMS = [f"i{n}" for n in range(6)]
OPTIONS = Options(
    batch_size=4, recommendations=3, refit=True,
    model={"embedding_dim": 4, "gap_embedding": True, "architecture": {"name": "lstm", "units": 4}},
)  # fmt: skip


def raw_rows(split):
    """Eight users who go through the items in turn: serialised examples as SequenceGen writes them."""
    columns = {}
    for user in range(8):
        walk = [ITEMS[(user + n) % len(ITEMS)].encode() for n in range(7)]
        end = {"train": 4, "valid": 5, "test": 6}[split]
        row = {
            "user_id": [b"u%d" % user], "history": walk[: end - 1] if split == "train" else walk[:end],
            "label": walk[1:end] if split == "train" else walk[end : end + 1], "loss_from": [0], "seen": [],
            "history_length": [b"1-4"], "label_popularity": [b""], "label_repeats": [0],
        }  # fmt: skip
        row["history_timestamp"] = [1_000 * (n + 1) for n in range(len(row["history"]))]
        row["label_timestamp"] = [9_000] * len(row["label"])
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    integers = ("history_timestamp", "label_timestamp", "loss_from", "label_repeats")
    arrays = [
        pa.array(values, pa.list_(pa.int64() if name in integers else pa.binary())) for name, values in columns.items()
    ]
    return records.to_examples(pa.RecordBatch.from_arrays(arrays, names=list(columns)))


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), options="GZIP") as out:
        for row in rows:
            out.write(row)


def analyze(folder, file):
    config = {"options": TransformOptions().model_dump_json(), "users": False}
    schema = curate("sequences.pbtxt")
    source = tfxio.TFExampleRecord(file_pattern=str(file), schema=schema, telemetry_descriptors=["test"])
    with beam.Pipeline(runner="FnApiRunner") as pipeline, tft_beam.Context(temp_dir=str(folder / "scratch")):
        data = (pipeline | source.BeamSource(), source.TensorAdapterConfig())
        graph = data | tft_beam.AnalyzeDataset(lambda inputs: preprocessing_fn(inputs, custom_config=config))
        _ = graph | tft_beam.WriteTransformFn(str(folder / "graph"))
    raw = dataset_metadata.DatasetMetadata(schema)
    metadata_io.write_metadata(raw, str(folder / "graph" / tft.TFTransformOutput.RAW_METADATA_DIR))
    return tft.TFTransformOutput(str(folder / "graph"))


def transformed(graph, rows):
    raw = tf.io.parse_example(rows, graph.raw_feature_spec())
    columns = graph.transform_features_layer()(raw)
    lists = {
        name: (tf.RaggedTensor.from_sparse(value) if isinstance(value, tf.SparseTensor) else value).numpy().tolist()
        for name, value in columns.items()
    }
    arrays = [pa.array([list(row) for row in values], pa.list_(pa.int64())) for values in lists.values()]
    return records.to_examples(pa.RecordBatch.from_arrays(arrays, names=list(lists)))


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """(inputs, outputs, properties) of one finished execution."""
    folder = tmp_path_factory.mktemp("stage")
    write(folder / "raw.gz", raw_rows("train"))
    graph = analyze(folder, folder / "raw.gz")
    for split in ("train", "valid", "test"):
        write(folder / "examples" / f"Split-{split}" / "part.gz", transformed(graph, raw_rows(split)))
    examples, transform, counts = standard_artifacts.Examples(), standard_artifacts.TransformGraph(), None
    examples.uri, examples.split_names = str(folder / "examples"), '["train", "valid", "test"]'
    transform.uri = str(folder / "graph")
    counts = artifacts.ItemCounts()
    counts.uri, counts.window, counts.mask_seen = str(folder / "counts"), 5, 0
    (folder / "counts").mkdir()
    table = pa.table({"item_id": ITEMS, "count": [5] * 6}, records.ITEM_COUNTS)
    pq.write_table(table, folder / "counts" / artifacts.ITEM_COUNTS_FILE)
    model, run = standard_artifacts.Model(), standard_artifacts.ModelRun()
    model.uri, run.uri = str(folder / "model"), str(folder / "run")
    component = Trainer(
        channel.Channel(type=standard_artifacts.Examples), channel.Channel(type=standard_artifacts.TransformGraph),
        channel.Channel(type=artifacts.ItemCounts), epochs=2, options=OPTIONS, code_version="1",
        checkpoint_root=str(folder / "checkpoints"),
    )  # fmt: skip
    inputs = {"examples": [examples], "transform_graph": [transform], "item_counts": [counts]}
    outputs = {"model": [model], "model_run": [run]}
    logging.getLogger().setLevel(logging.INFO)
    Executor().Do(inputs, outputs, dict(component.exec_properties))
    return folder, inputs, outputs, dict(component.exec_properties)


def test_measured_and_refit_models_answer_from_their_own_folders(stage):
    folder = stage[0]
    for name in ("Format-Serving", "Format-Refit"):
        recommend = tf.saved_model.load(str(folder / "model" / name)).signatures["recommend"]
        answer = recommend(
            history=tf.constant([["i0", "i1"]]), timestamps=tf.constant([[0, 0]], tf.int64),
            user_id=tf.constant([""]), exclude=tf.zeros([1, 0], tf.string),
        )  # fmt: skip
        assert answer["item_ids"].shape == (1, 3)


def test_artifact_says_what_is_to_be_published(stage):
    folder, _, outputs, _ = stage
    model = outputs["model"][0]
    assert model.get_int_custom_property("refit") == 1
    assert model.get_string_custom_property("code_version") == "1"
    assert model.get_string_custom_property("digest") == directory_digest(str(folder / "model" / "Format-Refit"))


def test_training_json_and_event_files_are_left_and_no_checkpoint(stage):
    folder = stage[0]
    training = json.loads((folder / "run" / artifacts.TRAINING_FILE).read_text())
    assert training["epochs"] == len(training["history"]) == 2
    assert training["refit"] is True
    assert training["refit_epochs"] == training["best_epoch"]
    assert training["fit_seconds"] > 0
    assert list((folder / "run" / "validation").iterdir())
    assert list((folder / "checkpoints").iterdir()) == []


def test_training_digest_follows_contents_and_knobs_but_not_where_checkpoints_go(stage):
    _, inputs, _, properties = stage
    single = {key: value[0] for key, value in inputs.items()}
    before = training_digest(single, properties)
    assert training_digest(single, {**properties, "checkpoint_root": "elsewhere"}) == before
    assert training_digest(single, {**properties, "epochs": 3}) != before
