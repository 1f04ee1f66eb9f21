"""The stage: sequences and a model in, InfraBlessing out, as TFX's own Pusher would read it."""

import json

import polars as pl
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components.model_check.executor import Executor
from components.model_check.options import Options
from components.model_check.requests_of import real
from schemas.artifacts import ItemCounts


def example(history):
    features = {
        "history": tf.train.Feature(bytes_list=tf.train.BytesList(value=[item.encode() for item in history])),
        "history_timestamp": tf.train.Feature(int64_list=tf.train.Int64List(value=[0] * len(history))),
        "history_tied": tf.train.Feature(int64_list=tf.train.Int64List(value=[0] * len(history))),
        "label": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"i1"])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@pytest.fixture
def inputs(tmp_path, exported):
    folder = tmp_path / "sequences" / "Split-valid"
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "part-0.gz"), "GZIP") as out:
        for history in (["i1", "i2"], [], ["i3"]):
            out.write(example(history))
    examples, model, counts = standard_artifacts.Examples(), standard_artifacts.Model(), ItemCounts()
    examples.uri, examples.split_names = str(tmp_path / "sequences"), '["valid"]'
    model.uri, counts.uri, counts.mask_seen = str(exported), str(tmp_path / "counts"), 1
    (tmp_path / "counts").mkdir()
    known = pl.DataFrame({"item_id": [f"i{n}" for n in range(30)], "count": [1] * 30})
    known.write_parquet(tmp_path / "counts" / "item_counts.parquet")
    return {"examples": [examples], "model": [model], "item_counts": [counts]}


def run(inputs, tmp_path, **options):
    blessing = standard_artifacts.InfraBlessing()
    blessing.uri = str(tmp_path / "blessing")
    Executor().Do(inputs, {"blessing": [blessing]}, {"options": Options(**options).model_dump_json()})
    report = json.loads((tmp_path / "blessing" / "model_check.json").read_text())
    return blessing, report, {path.name for path in (tmp_path / "blessing").iterdir()}


def test_histories_are_those_of_the_records(inputs):
    folder = inputs["examples"][0].uri
    assert list(real(f"{folder}/Split-valid/*.gz", 2)) == [["i1", "i2"], []]


def test_a_model_that_passes_gets_tfx_own_file(inputs, tmp_path):
    blessing, report, files = run(inputs, tmp_path)
    assert report["passed"], report
    assert files == {"INFRA_BLESSED", "model_check.json"}
    assert blessing.get_int_custom_property("blessed") == 1
    assert report["figures"]["requests"] == 3


def test_a_model_that_fails_gets_the_other_and_reasons(inputs, tmp_path):
    blessing, report, files = run(inputs, tmp_path, max_model_bytes=1)
    assert files == {"INFRA_NOT_BLESSED", "model_check.json"}
    assert blessing.get_int_custom_property("blessed") == 0
    assert "too large" in report["reasons"][0]
