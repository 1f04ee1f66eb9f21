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
from schemas import artifacts, contents, errors, features, records

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


def example(user, rank, popular=5, older=2, top=(), length="1-4", popularity="head", repeats=0):
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
        features.LABEL_REPEATS: number(repeats),
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


def write_report(folder: pathlib.Path, examples: dict[str, int]) -> None:
    """What SequenceGen counted."""
    numbers = dict.fromkeys(
        ("interactions", "duplicates", "below_core", "users", "users_without_training", "items"), 0
    ) | {"training_interactions": 0, "buckets": 1}
    folder.mkdir()
    counts = records.SequenceCounts(**numbers, examples=examples, cold_labels={}, repeated_labels={})
    counts.save(folder / contents.SEQUENCE_REPORT_FILE)


def evaluate(tmp_path, splits, options, baseline=None, mask_seen=1):
    """Runs the executor; gives the evaluation's folder and the blessing artifact."""
    model, counts = standard_artifacts.Model(), artifacts.ItemCounts()
    model.uri, counts.uri = str(tmp_path / "model"), str(tmp_path / "counts")
    save_model(tmp_path / "model" / "Format-Serving", "rank")
    (tmp_path / "counts").mkdir()
    CATALOGUE.write_parquet(tmp_path / "counts" / contents.ITEM_COUNTS_FILE)
    counts.mask_seen = mask_seen
    sequences = artifacts.SequenceReport()
    sequences.uri = str(tmp_path / "sequences")
    write_report(tmp_path / "sequences", {split: len(examples) for split, examples in splits.items()})
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(tmp_path / "evaluation"), str(tmp_path / "blessing")
    inputs = {"examples": [write_examples(tmp_path / "examples", splits)], "model": [model], "item_counts": [counts]}
    inputs |= {"baseline_model": [baseline] if baseline else [], "sequence_report": [sequences]}
    context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=BEAM, tmp_dir=str(tmp_path))
    executor.Executor(context).Do(
        inputs,
        {"evaluation": [evaluation], "blessing": [blessing]},
        {"options": options.model_dump_json(), "head": "", "loss": "", "code_version": "1"},
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
    report = json.loads((folder / contents.METRICS_FILE).read_text())
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
    sliced = report["valid"]["candidate"]["label_repeats=0"]
    assert sliced == {name: overall[name] for name in sliced}  # the lists' own figures are of the whole split
    assert set(report["valid"]) == {"candidate", "popularity", "baseline"}  # what is masked makes no baseline
    assert json.loads((folder / contents.RANKED_SHARE_FILE).read_text()) == {"valid": 1.0, "test": 1.0}
    assert report["valid"]["candidate"]["label_popularity=cold"]["hr@20"]["value"] == 0.0
    assert report["valid"]["popularity"]["overall"]["ndcg@10"]["value"] == pytest.approx(1 / np.log2(6))
    assert report["valid"]["baseline"]["overall"]["hr@1"]["value"] == 0.0  # always rank 2
    assert report["test"]["candidate"]["overall"]["ndcg@10"]["value"] == pytest.approx(1 / np.log2(3))

    rows = pl.read_parquet(folder / contents.PER_USER_FOLDER / "*.parquet").sort("split", "user_id")
    assert rows.columns == records.PER_USER.names
    assert rows["rank"].to_list() == [2, 1, 3, 0, 12]
    assert rows["baseline_rank"].to_list() == [2] * 5
    assert rows["top_items"].to_list()[1] == ["i0", "i1"]

    decision = json.loads((folder / contents.BLESSING_FILE).read_text())
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
    report = json.loads((folder / contents.METRICS_FILE).read_text())
    assert report["valid"] == report["test"]
    assert set(report["valid"]) == {"candidate", "popularity"}
    assert set(report["valid"]["candidate"]) == {"overall"}
    assert (pathlib.Path(blessing.uri) / "BLESSED").exists()
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_string_custom_property("current_model").endswith("/model")


def test_repeats_and_novel_items_are_slices_and_recent_items_a_baseline_where_nothing_is_masked(tmp_path):
    # Histories are i0 to i4 and i0 to i7; the label is i7, eighth by count, which the second history ends with.
    valid = [
        example("a", 20, popular=8, length="5-19", top=("cold", "i1")),
        example("b", 4, popular=8, length="8", repeats=1, top=("i7",)),
    ]
    folder, _ = evaluate(tmp_path, {"valid": valid, "test": valid}, Options(resamples=100), mask_seen=0)
    report = json.loads((folder / contents.METRICS_FILE).read_text())["valid"]
    novel, repeats = (report["candidate"][f"label_repeats={number}"] for number in (0, 1))
    assert (novel["examples"]["value"], repeats["examples"]["value"]) == (1, 1)
    assert (novel["hr@5"]["value"], repeats["hr@5"]["value"]) == (0.0, 1.0)
    assert repeats["hr@5"]["low"] == 1.0
    assert novel["cold_share@5"]["value"] == 0.5
    assert report["candidate"]["overall"]["cold_share@1"]["value"] == 0.5
    assert report["candidate"]["overall"]["mean_popularity@20"]["value"] == pytest.approx((39 / 2 + 33) / 2)

    assert report["recent"]["label_repeats=1"]["hr@1"]["value"] == 1.0
    assert report["recent"]["label_repeats=0"]["mrr@10"]["value"] == pytest.approx(1 / 8)  # as by popularity
    rows = pl.read_parquet(folder / contents.PER_USER_FOLDER / "*.parquet").filter(pl.col("split") == "valid")
    assert rows.sort("user_id")["recent_rank"].to_list() == [8, 1]
    why = json.loads((folder / contents.BLESSING_FILE).read_text())["why"]
    assert "each user's own latest items, latest first, reach" in why


def test_more_labels_than_asked_for_leave_whole_users_out_and_the_share_is_told(tmp_path):
    many = [example(f"u{n // 2}", 1 + n % 2) for n in range(400)]
    options = Options(resamples=100, max_labels=100, slices=False)
    folder, _ = evaluate(tmp_path, {"valid": many, "test": many[:100]}, options)
    assert json.loads((folder / contents.RANKED_SHARE_FILE).read_text()) == {"valid": 0.25, "test": 1.0}
    rows = pl.read_parquet(folder / contents.PER_USER_FOLDER / "*.parquet")
    valid, test = (rows.filter(pl.col("split") == split) for split in ("valid", "test"))
    assert len(test) == 100
    assert 50 < len(valid) < 150
    assert valid.group_by("user_id").len()["len"].unique().to_list() == [2]


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
