import json
import pathlib

import apache_beam as beam
import numpy as np
import polars as pl
import pytest
import tensorflow as tf
from tensorflow_model_analysis.api import model_eval_lib
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_artifacts

from components.evaluator import executor
from components.evaluator.options import Options
from schemas import artifacts, errors, features, records

BEAM = ["--runner=FnApiRunner", "--sdk_container_image=unused"]
CATALOGUE = pl.DataFrame({"item_id": [f"i{n}" for n in range(40)], "count": list(range(40, 0, -1))})


class Planted(tf.Module):
    """Stands in for a trained model: answers with the ranks and items that each example carries in features.

    It is a real SavedModel with the real signature, so everything around the ranks is the same as in production.
    """

    def __init__(self, rank_feature: str) -> None:
        super().__init__()
        self._rank_feature = rank_feature

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, features.EXAMPLES)])
    def evaluate(self, examples):
        one = tf.io.FixedLenFeature([], tf.int64)
        parsed = tf.io.parse_example(
            examples,
            {self._rank_feature: one, "popular": one, "top": tf.io.FixedLenFeature([features.TOP_K], tf.string)},
        )
        return {
            features.LABEL_RANK: parsed[self._rank_feature],
            features.POPULARITY_RANK: parsed["popular"],
            features.TOP_ITEMS: parsed["top"],
        }


def save_model(folder: pathlib.Path, rank_feature: str) -> str:
    model = Planted(rank_feature)
    tf.saved_model.save(model, str(folder), signatures={features.SIGNATURE_EVALUATE: model.evaluate})
    return str(folder)


def example(user, rank, popular=5, older=2, top=(), length="1-4", popularity="head"):
    """One serialised evaluation example, with the planted answers beside the features of SequenceGen."""

    def texts(*values):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() for v in values]))

    def number(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    top = [*top, *[""] * (features.TOP_K - len(top))]
    content = {
        features.USER_ID: texts(user),
        features.HISTORY: texts(*[f"i{n}" for n in range(int(length[0]))]),
        features.LABEL: texts("i7"),
        features.LABEL_TIMESTAMP: number(1000),
        features.HISTORY_LENGTH: texts(length),
        features.LABEL_POPULARITY: texts(popularity),
        features.LABEL_REPEATS: number(0),
        "rank": number(rank),
        "popular": number(popular),
        "older": number(older),
        "top": texts(*top),
    }
    return tf.train.Example(features=tf.train.Features(feature=content)).SerializeToString()


def write_examples(folder: pathlib.Path, splits: dict[str, list[bytes]]) -> standard_artifacts.Examples:
    for split, serialised in splits.items():
        path = folder / f"Split-{split}" / "data-00000-of-00001.gz"
        path.parent.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for one in serialised:
                writer.write(one)
    found = standard_artifacts.Examples()
    found.uri = str(folder)
    found.split_names = artifact_utils.encode_split_names(list(splits))
    return found


def evaluate(tmp_path, splits, options, baseline=None):
    """Runs the executor; gives the evaluation's folder and the blessing artifact."""
    model, counts = standard_artifacts.Model(), artifacts.ItemCounts()
    model.uri, counts.uri = str(tmp_path / "model"), str(tmp_path / "counts")
    save_model(tmp_path / "model" / "Format-Serving", "rank")
    (tmp_path / "counts").mkdir()
    CATALOGUE.write_parquet(tmp_path / "counts" / artifacts.ITEM_COUNTS_FILE)
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(tmp_path / "evaluation"), str(tmp_path / "blessing")
    inputs = {"examples": [write_examples(tmp_path / "examples", splits)], "model": [model], "item_counts": [counts]}
    inputs["baseline_model"] = [baseline] if baseline else []
    context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=BEAM, tmp_dir=str(tmp_path))
    executor.Executor(context).Do(
        inputs,
        {"evaluation": [evaluation], "blessing": [blessing]},
        {"options": options.model_dump_json(), "code_version": "1"},
    )
    return tmp_path / "evaluation", blessing


@pytest.fixture
def planted(tmp_path):
    """Validation: ranks 1, 3, 0 (cold) and 12 in two slices of length; test: one label at rank 2."""
    valid = [
        example("a", 1, top=("i0", "i1")),
        example("b", 3, top=("i1", "i2")),
        example("c", 0, top=("i0", "i1"), length="5-19", popularity="cold"),
        example("d", 12, length="5-19"),
    ]
    published = standard_artifacts.Model()
    published.uri = save_model(tmp_path / "published" / "3", "older")
    options = Options(resamples=200, batch_size=2)
    return evaluate(tmp_path, {"valid": valid, "test": [example("a", 2)]}, options, published)


def test_planted_ranks_give_exact_metrics_blessing_and_files(planted):
    folder, blessing = planted
    report = json.loads((folder / artifacts.METRICS_FILE).read_text())
    overall = report["valid"]["candidate"]["overall"]
    assert overall["hr@10"]["value"] == pytest.approx(2 / 4)  # ranks 1 and 3; cold and 12 are misses
    assert overall["ndcg@10"]["value"] == pytest.approx((1 + 1 / 2) / 4)  # 1 / log2(1 + 3) = 1/2
    assert overall["mrr@20"]["value"] == pytest.approx((1 + 1 / 3 + 1 / 12) / 4)
    assert overall["examples"]["value"] == 4
    assert overall["coverage@20"]["value"] == pytest.approx(3 / 40)  # i0, i1, i2 of 40 items
    assert overall["mean_popularity@1"]["value"] == pytest.approx((40 + 39 + 40) / 3)  # the empty list is left out
    assert overall["ndcg@10"]["low"] <= overall["ndcg@10"]["value"] <= overall["ndcg@10"]["high"]
    assert overall["coverage@20"]["low"] is None

    short, long = (report["valid"]["candidate"][f"history_length={name}"] for name in ("1-4", "5-19"))
    assert (short["hr@10"]["value"], long["hr@10"]["value"]) == (1.0, 0.0)
    assert report["valid"]["candidate"]["label_popularity=cold"]["hr@20"]["value"] == 0.0
    assert report["valid"]["popularity"]["overall"]["ndcg@10"]["value"] == pytest.approx(1 / np.log2(6))
    assert report["valid"]["baseline"]["overall"]["hr@1"]["value"] == 0.0  # always rank 2
    assert report["test"]["candidate"]["overall"]["ndcg@10"]["value"] == pytest.approx(1 / np.log2(3))

    rows = pl.read_parquet(folder / artifacts.PER_USER_FOLDER / "*.parquet").sort("split", "user_id")
    assert rows.columns == records.PER_USER.names
    assert rows["rank"].to_list() == [2, 1, 3, 0, 12]
    assert rows["baseline_rank"].to_list() == [2] * 5
    assert rows["top_items"].to_list()[1] == ["i0", "i1"]

    decision = json.loads((folder / artifacts.BLESSING_FILE).read_text())
    assert decision["blessed"] is False  # 0.375 is less than 1.2 times the popularity's 0.3869
    assert [check["name"] for check in decision["checks"]] == ["beats_popularity", "no_worse_than_latest"]
    assert "0.3750" in decision["why"]
    assert "0.3869" in decision["why"]
    assert (pathlib.Path(blessing.uri) / "NOT_BLESSED").exists()
    assert blessing.get_int_custom_property("blessed") == 0
    assert blessing.get_string_custom_property("baseline_model").endswith("published/3")

    theirs = dict(model_eval_lib.load_eval_result(str(folder), model_name="candidate").slicing_metrics)
    assert theirs[(("split", "valid"),)][""][""]["hr@10"]["doubleValue"] == pytest.approx(0.5)


def test_better_model_without_a_predecessor_is_blessed_whatever_the_shards_of_beam(tmp_path):
    valid = [example(f"u{n}", 1 + n % 3, popular=20) for n in range(30)]
    options = Options(resamples=200, batch_size=1, slices=False)
    folder, blessing = evaluate(tmp_path, {"valid": valid, "test": valid}, options)
    report = json.loads((folder / artifacts.METRICS_FILE).read_text())
    assert report["valid"] == report["test"]
    assert set(report["valid"]) == {"candidate", "popularity"}
    assert set(report["valid"]["candidate"]) == {"overall"}
    assert (pathlib.Path(blessing.uri) / "BLESSED").exists()
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_string_custom_property("current_model").endswith("/model")


def test_empty_validation_split_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(errors.DataError, match=r"sequence_gen\.split"):
        evaluate(tmp_path, {"valid": [], "test": [example("a", 1)]}, Options())


def test_model_without_the_signature_is_named(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "m"))
    rank = executor.inference.Rank("valid", str(tmp_path / "m"), None, 4)
    pipeline = beam.Pipeline(argv=BEAM)
    _ = pipeline | beam.Create([[example("a", 1)]]) | beam.ParDo(rank)
    with pytest.raises(Exception, match="no signature 'evaluate'"):
        pipeline.run()
