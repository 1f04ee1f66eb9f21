"""The evaluation of a real, untrained ranker, against ranks worked out from the counts and the examples alone."""

import json

import numpy as np
import polars as pl
import pytest
import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_artifacts

from components.evaluator import executor
from components.evaluator.options import Options
from ranker import metrics
from ranker.catalogue import Catalogue
from ranker.export import export
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from schemas import artifacts, contents, features

ITEMS = [f"i{n:02}" for n in range(50)]  # most frequent first, in pairs of equal count
COUNTS = [100 - n // 2 for n in range(50)]
SPEC = {
    features.HISTORY: tf.io.VarLenFeature(tf.string),
    features.HISTORY_TIMESTAMP: tf.io.VarLenFeature(tf.int64),
    features.LABEL: tf.io.VarLenFeature(tf.string),
    features.SEEN: tf.io.VarLenFeature(tf.string),
}


class Lookup(tf.Module):
    """Turns items into ids as TFT's layer does, without the half minute that an analysis takes."""

    def __init__(self):
        super().__init__()
        ids = tf.range(features.FIRST_ITEM, features.FIRST_ITEM + len(ITEMS), dtype=tf.int64)
        initial = tf.lookup.KeyValueTensorInitializer(tf.constant(ITEMS), ids)
        self._table = tf.lookup.StaticHashTable(initial, features.UNKNOWN)

    def __call__(self, raw):
        named = (features.HISTORY, features.LABEL, features.SEEN)
        found = {name: raw[name].with_values(self._table.lookup(raw[name].values)) for name in named}
        gaps = raw[features.HISTORY_TIMESTAMP]
        return {**found, features.HISTORY_GAP: gaps.with_values(tf.zeros_like(gaps.values))}


def histories():
    """60 users: history, what it no longer holds, label; every tenth label is an item that training never saw."""
    rng = np.random.default_rng(8)
    for user in range(60):
        past = rng.choice(ITEMS, rng.integers(0, 12), replace=False).tolist()
        label = "new" if user % 10 == 0 else str(rng.choice([item for item in ITEMS if item not in past]))
        yield f"u{user:02}", past[3:], past[:3], label


def serialised(user, history, seen, label):
    def texts(*values):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))

    def numbers(*values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    content = {
        features.USER_ID: texts(user),
        features.HISTORY: texts(*history),
        features.HISTORY_TIMESTAMP: numbers(*range(1, len(history) + 1)),
        features.SEEN: texts(*seen),
        features.LABEL: texts(label),
        features.LABEL_TIMESTAMP: numbers(100),
        features.HISTORY_LENGTH: texts("5-19"),
        features.LABEL_POPULARITY: texts("cold" if label == "new" else "head"),
        features.LABEL_REPEATS: numbers(0),
    }
    return tf.train.Example(features=tf.train.Features(feature=content)).SerializeToString()


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Folder of an evaluation by the executor of an exported ranker."""
    tmp_path = tmp_path_factory.mktemp("evaluated")
    catalogue = Catalogue(np.array(ITEMS), np.array(COUNTS), users=0, gaps=0, window=10, mask_seen=True)
    model = SequenceRanker(ModelOptions(embedding_dim=8), catalogue)
    export(model, Lookup(), SPEC, str(tmp_path / "model" / "Format-Serving"))
    found = {kind.TYPE_NAME: kind() for kind in (standard_artifacts.Model, artifacts.ItemCounts)}
    found |= {kind.TYPE_NAME: kind() for kind in (standard_artifacts.ModelEvaluation, standard_artifacts.ModelBlessing)}
    examples = standard_artifacts.Examples()
    examples.split_names = artifact_utils.encode_split_names([features.VALID, features.TEST])
    folders = ("model", "counts", "evaluation", "blessing", "examples")
    for artifact, folder in zip([*found.values(), examples], folders, strict=True):
        artifact.uri = str(tmp_path / folder)
        (tmp_path / folder).mkdir(exist_ok=True)
    pl.DataFrame({"item_id": ITEMS, "count": COUNTS}).write_parquet(tmp_path / "counts" / contents.ITEM_COUNTS_FILE)
    for split in (features.VALID, features.TEST):
        (tmp_path / "examples" / f"Split-{split}").mkdir()
        with tf.io.TFRecordWriter(str(tmp_path / "examples" / f"Split-{split}" / "data.gz"), "GZIP") as writer:
            for one in histories():
                writer.write(serialised(*one))
    model_, counts, evaluation, blessing = found.values()
    counts.mask_seen = 1
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"], tmp_dir=str(tmp_path)
    )
    executor.Executor(context).Do(
        {"examples": [examples], "model": [model_], "item_counts": [counts]},
        {"evaluation": [evaluation], "blessing": [blessing]},
        {
            "options": Options(batch_size=7, resamples=100).model_dump_json(),
            "head": "",
            "loss": "",
            "code_version": "1",
        },
    )
    return tmp_path / "evaluation"


def test_popularity_rank_is_the_labels_place_among_the_counted_items_without_the_past(evaluated):
    rows = pl.read_parquet(evaluated / contents.PER_USER_FOLDER / "*.parquet").filter(pl.col("split") == "valid")
    expected = {}
    for user, history, seen, label in histories():
        left = [item for item in ITEMS if item not in {*history, *seen}]
        expected[user] = 0 if label == "new" else 1 + left.index(label)
    assert dict(rows.select("user_id", "popularity_rank").iter_rows()) == expected

    report = json.loads((evaluated / contents.METRICS_FILE).read_text())
    value = report["valid"]["popularity"]["overall"]["ndcg@10"]["value"]
    assert value == pytest.approx(metrics.ndcg_at_k(np.array(list(expected.values())), 10).mean())


def test_rank_of_a_label_is_its_place_among_the_top_items_and_the_past_is_in_none(evaluated):
    rows = pl.read_parquet(evaluated / contents.PER_USER_FOLDER / "*.parquet").filter(pl.col("split") == "test")
    past = {user: {*history, *seen} for user, history, seen, _ in histories()}
    for row in rows.iter_rows(named=True):
        top = row["top_items"]
        assert len(top) == features.TOP_K
        assert not past[row["user_id"]] & set(top)
        if row["label"] in top:
            assert row["rank"] == 1 + top.index(row["label"])
        assert (row["rank"] == 0) == (row["label"] == "new")
        assert (row["rank"] > features.TOP_K) == (row["label"] not in {*top, "new"})
