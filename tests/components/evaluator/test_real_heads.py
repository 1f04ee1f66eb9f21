"""The evaluation of real, untrained rankers of the heads pointwise and rating, against scikit-learn and the model."""

import json
import pathlib

import numpy as np
import polars as pl
import pytest
import tensorflow as tf
from sklearn import metrics
from tensorflow_model_analysis.api import model_eval_lib
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, channel_utils, standard_artifacts

from components.evaluator import executor
from components.evaluator.component import Evaluator
from components.evaluator.options import Options
from ranker import saved
from ranker.catalogue import Catalogue
from ranker.export import export
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from ranker.ratings import Ratings
from schemas import artifacts, contents, features

ITEMS = [f"i{n:02}" for n in range(30)]
COUNTS = np.arange(60, 30, -1)
USERS = 40
CATALOGUE = Catalogue(
    np.array(ITEMS), COUNTS, users=0, gaps=0, window=10, mask_seen=True,
    ratings=Ratings(3.5, 1.0, 5.0, np.linspace(20, -20, 30), np.full(30, 10.0)),
)  # fmt: skip
SPEC = {
    features.HISTORY: tf.io.VarLenFeature(tf.string),
    features.HISTORY_TIMESTAMP: tf.io.VarLenFeature(tf.int64),
    features.LABEL: tf.io.VarLenFeature(tf.string),
    features.SEEN: tf.io.VarLenFeature(tf.string),
}


class Lookup(tf.Module):
    """Turns items into ids as TFT's layer does."""

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


def serialised(user, history, labels, ratings):
    def texts(*values):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))

    def numbers(*values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    content = {
        features.USER_ID: texts(user),
        features.HISTORY: texts(*history),
        features.HISTORY_TIMESTAMP: numbers(*range(1, len(history) + 1)),
        features.SEEN: texts(),
        features.LABEL: texts(*labels),
        features.LABEL_RATING: tf.train.Feature(float_list=tf.train.FloatList(value=ratings)),
        features.LABEL_TIMESTAMP: numbers(*range(100, 100 + len(labels))),
        features.LOSS_FROM: numbers(0),
        features.HISTORY_LENGTH: texts("5-19" if len(history) > 4 else "1-4"),
        features.LABEL_POPULARITY: texts("cold" if labels[0] == "new" else "head"),
        features.LABEL_REPEATS: numbers(0),
    }
    return tf.train.Example(features=tf.train.Features(feature=content)).SerializeToString()


def examples(split):
    """A label each in validation and test, every tenth of them new; a window each in training."""
    rng = np.random.default_rng(8)
    for user in range(USERS):
        past = rng.choice(ITEMS, rng.integers(2, 9), replace=False).tolist()
        label = "new" if user % 10 == 0 else str(rng.choice([item for item in ITEMS if item not in past]))
        if split == features.TRAIN:
            yield serialised(f"u{user:02}", past[:-1], past[1:], rng.integers(1, 6, len(past) - 1).tolist())
        else:
            yield serialised(f"u{user:02}", past, [label], [float(rng.integers(1, 6))])


def exported(folder, head):
    tf.keras.utils.set_random_seed(1)
    model = SequenceRanker(ModelOptions(embedding_dim=8, head=head), CATALOGUE)
    export(model, Lookup(), SPEC, str(folder))
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder).removesuffix("/Format-Serving")
    artifact.set_string_custom_property("head", head)
    return artifact


def evaluate(root, head):
    """The executor's work, with the properties that the declared stage would have; what is served is the same model."""
    counts, found = artifacts.ItemCounts(), standard_artifacts.Examples()
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    for artifact, name in ((counts, "counts"), (evaluation, "evaluation"), (blessing, "blessing"), (found, "examples")):
        artifact.uri = str(root / name)
        (root / name).mkdir()
    pl.DataFrame({"item_id": ITEMS, "count": COUNTS}).write_parquet(root / "counts" / contents.ITEM_COUNTS_FILE)
    counts.mask_seen = 1
    found.split_names = artifact_utils.encode_split_names(list(features.SEQUENCE_SPLITS))
    for split in features.SEQUENCE_SPLITS:
        (root / "examples" / f"Split-{split}").mkdir()
        with tf.io.TFRecordWriter(str(root / "examples" / f"Split-{split}" / "data.gz"), "GZIP") as writer:
            for one in examples(split):
                writer.write(one)
    model = ModelOptions(head=head)
    options = Options(batch_size=7, resamples=100, pairs=5)
    inputs = {"examples": [found], "model": [exported(root / "model" / "Format-Serving", head)]}
    inputs |= {"item_counts": [counts], "baseline_model": inputs["model"]}
    channels = {name: channel_utils.as_channel(made) for name, made in inputs.items()}
    stage = Evaluator(**channels, options=options, head=model.head, loss=model.loss, code_version="1")
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"], tmp_dir=str(root)
    )
    outputs = {"evaluation": [evaluation], "blessing": [blessing]}
    executor.Executor(context).Do(inputs, outputs, dict(stage.exec_properties))
    return root / "evaluation"


@pytest.fixture(scope="module", params=["pointwise", "rating"])
def evaluated(request, tmp_path_factory):
    """The head, the evaluation's folder, and the model."""
    root = tmp_path_factory.mktemp(request.param)
    return request.param, evaluate(root, request.param), saved.load(root / "model" / "Format-Serving")


def pairs_of(folder, split="test"):
    return pl.read_parquet(folder / contents.PAIRS_FOLDER / "*.parquet").filter(split=split)


def test_pairs_are_scored_as_the_model_scores_them(evaluated):
    _, folder, model = evaluated
    serialised_by_user = dict(zip([f"u{n:02}" for n in range(USERS)], examples("test"), strict=True))
    rows = pairs_of(folder)
    assert rows["user_id"].n_unique() == USERS - 4  # nobody knows what is new
    for (user,), part in rows.group_by("user_id"):
        expected = model.score_examples([serialised_by_user[user]], [part["item"].to_list()])
        np.testing.assert_allclose(part["candidate"], expected[0], rtol=1e-5)
    assert rows["baseline"].to_list() == rows["candidate"].to_list()


def test_report_holds_the_metrics_of_every_model_and_slice(evaluated):
    head, folder, _ = evaluated
    report = json.loads((folder / contents.METRICS_FILE).read_text())["test"]
    rows = pairs_of(folder)
    trivial = {"pointwise": {"popularity", "constant"}, "rating": {"mean", "item_mean", "popularity"}}[head]
    assert set(report) == {"candidate", "baseline", *trivial}
    first = {"pointwise": "log_loss", "rating": "rmse"}[head]
    for model, column in (("candidate", "candidate"), ("baseline", "baseline")):
        y, p, w = (rows[name].to_numpy() for name in ("target", column, "weight"))
        value = (
            metrics.log_loss(y, p, sample_weight=w)
            if head == "pointwise"
            else metrics.mean_squared_error(y, p, sample_weight=w) ** 0.5
        )
        entry = report[model]["overall"][first]
        assert entry["value"] == pytest.approx(value, rel=1e-6)
        assert entry["low"] < entry["value"] < entry["high"]
    assert report["candidate"]["overall"]["scored"] == {"value": USERS - 4, "low": None, "high": None}
    assert report["candidate"]["overall"]["examples"]["value"] == USERS
    assert "ndcg@10" in report["candidate"]["overall"]  # ranks are told all the same
    assert first in report["candidate"]["history_length=1-4"]
    assert first not in report["candidate"]["label_popularity=cold"]
    theirs = dict(model_eval_lib.load_eval_result(str(folder), model_name="candidate").slicing_metrics)
    assert theirs[(("split", "test"),)][""][""][first]["doubleValue"] == pytest.approx(
        report["candidate"]["overall"][first]["value"]
    )


def test_untrained_model_is_not_blessed_and_the_verdict_says_by_what(evaluated):
    head, folder, _ = evaluated
    decision = json.loads((folder / contents.BLESSING_FILE).read_text())
    assert decision["metric"] == {"pointwise": "log_loss", "rating": "rmse"}[head]
    assert not decision["blessed"]
    assert [check["name"] for check in decision["checks"]][-1] == "no_worse_than_latest"
    assert (pathlib.Path(folder).parent / "blessing" / "NOT_BLESSED").exists()


def test_trivial_ratings_are_those_of_the_training_labels(evaluated):
    head, folder, _ = evaluated
    if head != "rating":
        return
    given = {}
    for one in examples("train"):
        content = tf.train.Example.FromString(one).features.feature
        pairs = zip(content["label"].bytes_list.value, content["label_rating"].float_list.value, strict=True)
        for item, rating in pairs:
            given.setdefault(item.decode(), []).append(rating)
    mean = np.mean([rating for ratings in given.values() for rating in ratings])
    rows = pairs_of(folder)
    np.testing.assert_allclose(rows["constant"], mean)
    shrunken = [(sum(given.get(item, [])) + 10 * mean) / (len(given.get(item, [])) + 10) for item in rows["item"]]
    np.testing.assert_allclose(rows["by_item"], shrunken)
