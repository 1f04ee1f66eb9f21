"""The Tuner's executor on a real TFT graph: searches, killed ones included, and what they leave."""

import json

import polars as pl
import pytest
from tfx.types import channel, standard_artifacts

from components.tuner import search
from components.tuner.component import Tuner
from components.tuner.executor import Executor
from components.tuner.options import Options
from ranker.hyperparameters import read
from ranker.job_options import JobOptions
from schemas import contents
from schemas.errors import ModelError, TrainingDiverged

JOB = JobOptions(
    batch_size=4, epochs=3, model={"embedding_dim": 4, "dropout": 0.0, "architecture": {"name": "lstm", "units": 4}}
)
SPACE = {
    "learning_rate": {"min": 1e-3, "max": 0.3, "log": True},
    "model.architecture.units": {"choices": [2, 4]},
    "model.gap_embedding": {"choices": [False, True]},
}


@pytest.fixture(scope="module")
def inputs(training_inputs, tmp_path_factory):
    found = training_inputs(tmp_path_factory.mktemp("data"))
    for file in (tmp_path_factory.getbasetemp()).glob("data*/examples/Split-test/*"):
        file.unlink()  # a search that looked there would fail
    return found


def execute(inputs, folder, options):
    """Runs the stage; the root of checkpoints is the same for all runs in one folder's parent."""
    outputs = {}
    for name, kind in (
        ("best_hyperparameters", standard_artifacts.HyperParameters),
        ("tuner_results", standard_artifacts.TunerResults),
    ):
        outputs[name] = [kind()]
        outputs[name][0].uri = str(folder / name)
    channels = {name: channel.Channel(type=type(value[0])) for name, value in inputs.items()}
    stage = Tuner(**channels, options=options, job=JOB, code_version="1", checkpoint_root=str(folder.parent / "kept"))
    Executor().Do(inputs, outputs, dict(stage.exec_properties))
    return json.loads((folder / "tuner_results" / contents.TUNER_RESULTS_FILE).read_text())


def without_times(trials):
    return [{key: value for key, value in trial.items() if key != "seconds"} for trial in trials]


@pytest.fixture(scope="module")
def hyperband(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hyperband") / "one"
    return folder, execute(inputs, folder, Options(trials=4, space=SPACE))


def test_best_of_the_table_is_what_the_trainer_gets(hyperband):
    folder, trials = hyperband
    best = read((folder / "best_hyperparameters" / contents.HYPERPARAMETERS_FILE).read_text())
    assert best == {name: trials[0][name] for name in SPACE}
    assert [trial["val_ndcg@10"] for trial in trials] == sorted((t["val_ndcg@10"] for t in trials), reverse=True)
    table = pl.read_parquet(folder / "tuner_results" / contents.TRIALS_FILE)
    assert table["trial"].to_list() == [trial["trial"] for trial in trials]


def test_a_trial_that_hyperband_lets_go_on_takes_over_the_earlier_ones_epochs(hyperband):
    trials = sorted(hyperband[1], key=lambda trial: trial["trial"])
    assert [trial["epochs"] for trial in trials] == [1, 1, 1, 3]
    knobs = [tuple(trial[name] for name in SPACE) for trial in trials]
    assert knobs[3] in knobs[:3]


def test_nothing_is_kept_after_a_search_that_ended(hyperband):
    assert list((hyperband[0].parent / "kept").iterdir()) == []


def test_a_killed_search_goes_on_and_ends_as_one_that_was_not(hyperband, inputs, tmp_path, monkeypatch):
    trained, train = [], search.Search._train

    def killed(self, trial):
        trained.append(trial.trial_id)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return train(self, trial)

    monkeypatch.setattr(search.Search, "_train", killed)
    options = Options(trials=4, space=SPACE)
    with pytest.raises(KeyboardInterrupt):
        execute(inputs, tmp_path / "killed", options)
    trials = execute(inputs, tmp_path / "again", options)
    assert len(trained) == 4 + 1  # the one that was killed alone runs again
    assert without_times(trials) == without_times(hyperband[1])


def test_a_trial_that_diverges_is_listed_last_with_the_reason(inputs, tmp_path, monkeypatch):
    def first_diverges(self, trial):
        if trial.trial_id == "0":
            raise TrainingDiverged("Training diverged: the loss of epoch 1 is nan.")
        return {"val_ndcg@10": 0.5, search.BEST_EPOCH: 1, search.TRAINED: 1, search.SECONDS: 0.1}

    monkeypatch.setattr(search.Search, "_train", first_diverges)
    trials = execute(inputs, tmp_path / "one", Options(search="random", trials=2, space=SPACE))
    assert [(trial["trial"], trial["status"]) for trial in trials] == [("1", "COMPLETED"), ("0", "FAILED")]
    assert "the loss of epoch 1 is nan" in trials[1]["why"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TrainingDiverged("The loss is nan."), "No trial of the search could be trained"),
        (ModelError("There is no example in the validation split."), "no example"),  # no fault of the knobs
    ],
)
def test_a_search_that_can_find_nothing_fails_with_the_reason(inputs, tmp_path, monkeypatch, error, message):
    def broken(self, trial):
        raise error

    monkeypatch.setattr(search.Search, "_train", broken)
    with pytest.raises(ModelError, match=message):
        execute(inputs, tmp_path / "one", Options(trials=5, space=SPACE))
