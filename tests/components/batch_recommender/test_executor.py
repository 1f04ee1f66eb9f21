"""The stage on real files, real Beam and a SavedModel that answers with what it was asked."""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from components.batch_recommender.component import BatchRecommender
from components.batch_recommender.executor import Executor
from components.batch_recommender.options import Options
from schemas.artifacts import Recommendations
from schemas.models import EXPORTED_FACTS, Facts
from schemas.records import RECOMMENDATIONS

TEXTS = tf.TensorSpec([None, None], tf.string)


class Echo(tf.Module):
    """recommend gives the last item of the history and the first."""

    @tf.function(input_signature=[
        tf.TensorSpec([None, None], tf.string, "history"), tf.TensorSpec([None, None], tf.int64, "timestamps"),
        tf.TensorSpec([None], tf.string, "user_id"), tf.TensorSpec([None, None], tf.string, "exclude"),
    ])  # fmt: skip
    def recommend(self, history, timestamps, user_id, exclude):
        length = tf.reduce_sum(tf.cast(history != "", tf.int32), 1)
        last = tf.gather(history, length - 1, batch_dims=1)
        items = tf.stack([last, history[:, 0]], 1)
        return {"item_ids": items, "scores": tf.tile([[2.0, 1.0]], [tf.shape(history)[0], 1])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def other(self, examples):
        return {"scores": tf.zeros([1])}


@pytest.fixture
def inputs(tmp_path):
    examples, pushed = standard_artifacts.Examples(), standard_artifacts.PushedModel()
    folder = tmp_path / "interactions" / "Split-all"
    folder.mkdir(parents=True)
    examples.uri, examples.split_names = str(folder.parent), '["all"]'
    for part in range(2):  # each user has events in both files
        events = [(f"u{user}", f"i{2 * part + n}", 2 * part + n) for user in range(30) for n in range(2)]
        users, items, times = zip(*events, strict=True)
        columns = {"user_id": users, "item_id": items, "timestamp": times, "tie": times}
        lists = {name: pa.array([[value] for value in values]) for name, values in columns.items()}
        pq.write_table(pa.table(lists), folder / f"part-{part}.parquet")
    model = Echo()
    place = tmp_path / "serving" / "7"
    signatures = {"recommend": model.recommend, "evaluate": model.other, "serving_default": model.other}
    tf.saved_model.save(model, str(place), signatures=signatures)
    (place / EXPORTED_FACTS).parent.mkdir()
    (place / EXPORTED_FACTS).write_text(Facts(mask_seen=True, window=3).model_dump_json())
    pushed.set_string_custom_property("pushed_destination", str(place))
    return {"examples": [examples], "pushed_model": [pushed]}


def run(inputs, tmp_path, **options):
    made = Recommendations()
    made.uri = str(tmp_path / "made")
    pathlib.Path(made.uri).mkdir()
    channels = {key: tf_channel(held) for key, held in inputs.items()}
    stage = BatchRecommender(
        **channels, options=Options(**options), repeats="keep", session_gap=None, code_version="1"
    ).with_id("BatchRecommender")
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(tmp_path / "tmp"), unique_id="1"
    )
    Executor(context).Do(inputs, {"recommendations": [made]}, dict(stage.exec_properties))
    return made, sorted(pathlib.Path(made.uri).glob("*.parquet"))


def tf_channel(artifacts):
    from tfx.types import channel_utils

    return channel_utils.as_channel(artifacts)


@pytest.mark.parametrize("buckets", [None, 4])
def test_every_user_has_a_list_of_what_the_model_says_of_the_whole_history(inputs, tmp_path, buckets):
    made, files = run(inputs, tmp_path, k=2, buckets=buckets, batch_size=7)
    table = pa.concat_tables(pq.read_table(file) for file in files)
    assert table.column_names == RECOMMENDATIONS.names
    found = {row["user_id"]: (row["item_ids"], row["scores"]) for row in table.to_pylist()}
    assert found == {f"u{n}": (["i3", "i0"], [2.0, 1.0]) for n in range(30)}
    assert (made.users, made.k) == (30, 2)
    assert made.get_string_custom_property("model").endswith("serving/7")


def test_a_list_is_no_longer_than_was_asked_for(inputs, tmp_path):
    _, files = run(inputs, tmp_path, k=1)
    table = pa.concat_tables(pq.read_table(file) for file in files)
    assert {len(items) for items in table["item_ids"].to_pylist()} == {1}


def test_where_nothing_was_published_there_are_no_lists(inputs, tmp_path):
    inputs["pushed_model"] = [standard_artifacts.PushedModel()]
    made, files = run(inputs, tmp_path)
    assert files == []
    assert made.users == 0
