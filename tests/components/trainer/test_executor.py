"""The Trainer's executor on a real TFT graph: artifacts in, artifacts out, checkpoints gone."""

import json
import logging
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components.trainer.executor import training_digest
from components.trainer.options import Options
from ranker import saved
from schemas import contents
from schemas.digest import directory_digest

OPTIONS = Options(
    batch_size=4, recommendations=3, refit=True,
    model={"embedding_dim": 4, "gap_embedding": True, "architecture": {"name": "lstm", "units": 4}, "loss": "auto"},
)  # fmt: skip


@pytest.fixture(scope="module")
def stage(execute, tmp_path_factory):
    """The folder, inputs, outputs and properties of one finished execution."""
    folder = tmp_path_factory.mktemp("stage")
    logging.getLogger().setLevel(logging.INFO)
    return folder, *execute(folder, OPTIONS)


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
    assert model.get_string_custom_property("head") == "next_item"
    assert model.get_string_custom_property("digest") == directory_digest(str(folder / "model" / "Format-Refit"))


def test_training_json_and_event_files_are_left_and_no_checkpoint(stage):
    folder = stage[0]
    training = json.loads((folder / "run" / contents.TRAINING_FILE).read_text())
    assert training["epochs"] == len(training["history"]) == 2
    assert training["loss"]["name"] == "cross_entropy"  # what `auto` is for a few items
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


@pytest.fixture(scope="module")
def again(stage, execute, tmp_path_factory):
    """Folder of a training that begins with the first one's model and hardly moves, by the Tuner's knobs."""
    folder, best = tmp_path_factory.mktemp("again"), standard_artifacts.HyperParameters()
    best.uri = str(folder / "best")
    (folder / "best").mkdir()
    config = {"space": [], "values": {"learning_rate": 1e-9, "weight_decay": 0.0, "tuner/epochs": 2}}
    (folder / "best" / contents.HYPERPARAMETERS_FILE).write_text(json.dumps(config))
    published = standard_artifacts.Model()
    published.uri = str(folder / "published")
    shutil.copytree(stage[0] / "model" / "Format-Serving", folder / "published")
    options = OPTIONS.model_copy(update={"refit": False, "seed": 1})
    execute(folder, options, more={"start_model": published, "hyperparameters": best})
    return folder


def test_a_warm_start_goes_on_from_the_published_models_answers(stage, again):
    answers = [
        saved.load(folder / "model" / "Format-Serving").recommend([["i0", "i1"], ["i4"]])
        for folder in (stage[0], again)
    ]
    np.testing.assert_array_equal(answers[0].item_ids, answers[1].item_ids)
    np.testing.assert_allclose(answers[0].scores, answers[1].scores, rtol=1e-4)


def test_training_json_says_what_was_tuned_and_what_was_begun_with(stage, again):
    first, second = (json.loads((folder / "run" / contents.TRAINING_FILE).read_text()) for folder in (stage[0], again))
    assert (first["hyperparameters"], first["warm_start"]) == ({}, None)
    assert second["hyperparameters"] == {"learning_rate": 1e-9, "weight_decay": 0.0}
    assert second["warm_start"]["model"] == str(again / "published")
    assert second["warm_start"]["rows"]["items"] == {"taken": 8, "new": 0}
    assert second["warm_start"]["fresh"] == {}
