"""What KerasTuner is told, and what it then tries; nothing is trained."""

import keras_tuner
import pytest
from keras_tuner.engine.base_tuner import BaseTuner

from components.tuner import search
from components.tuner.options import Options
from ranker.job_options import JobOptions

JOB = JobOptions(epochs=9)
SPACE = {
    "learning_rate": {"min": "5e-4", "max": "5e-3", "log": True},  # YAML takes these for words
    "weight_decay": {"choices": ["1e-3", 0.1]},
    "model.architecture": {"choices": ["lstm", "gru"]},
    "model.gap_embedding": {"choices": [False, True]},
    "batch_size": {"min": 2, "max": 8},
    "clip_norm": {"min": 1, "max": 2},
    "patience": {"choices": [3]},
}


class Pretended(BaseTuner):
    """Judges trials by a knob, without any training."""

    def run_trial(self, trial):
        return {self.oracle.objective.name: trial.hyperparameters.values["learning_rate"]}


@pytest.fixture
def tried(tmp_path):
    """tried(how, seed, trials, space) -> the knobs of each trial."""

    def run(how, seed=0, trials=6, space=SPACE):
        oracle = search.oracle(Options(search=how, trials=trials, seed=seed, space=space), JOB)
        Pretended(oracle, directory=str(tmp_path / f"{len(list(tmp_path.iterdir()))}")).search()
        return [trial.hyperparameters.values for _, trial in sorted(oracle.trials.items())]

    return run


def test_space_becomes_keras_tuners_own_and_goes_through_its_json():
    made = search.hyperparameters(Options(space=SPACE), JOB)
    assert {hp.name: type(hp).__name__ for hp in made.space} == {
        "learning_rate": "Float", "weight_decay": "Choice", "model.architecture": "Choice",
        "model.gap_embedding": "Boolean", "batch_size": "Int", "clip_norm": "Float", "patience": "Fixed",
    }  # fmt: skip
    again = keras_tuner.HyperParameters.from_config(made.get_config()).values
    assert (again["learning_rate"], again["weight_decay"], again["patience"]) == (0.0005, 0.001, 3)


@pytest.mark.parametrize("how", ["hyperband", "bayesian", "random"])
def test_every_search_tries_what_its_seed_says_and_no_more_than_told(tried, how):
    first = tried(how)
    assert len(first) == 6
    assert first == tried(how) != tried(how, seed=1)


def test_hyperband_goes_on_with_the_best_of_its_short_trials(tried):
    trials = tried("hyperband", trials=12)
    epochs = [values["tuner/epochs"] for values in trials]
    assert epochs == [1] * 9 + [3] * 3
    best = sorted(range(9), key=lambda n: trials[n]["learning_rate"], reverse=True)[:3]
    assert {int(values["tuner/trial_id"]) for values in trials[9:]} == set(best)


def test_bayesian_goes_where_earlier_trials_promise_most(tried):
    space = {"learning_rate": {"min": 0.001, "max": 0.1}}
    rates = [values["learning_rate"] for values in tried("bayesian", trials=6, space=space)]
    assert max(rates[3:]) == pytest.approx(0.1)  # after three at random


def test_trials_of_another_head_are_judged_by_its_own_metric():
    objective = search.oracle(Options(space=SPACE), JobOptions(model={"head": "rating"})).objective
    assert (objective.name, objective.direction) == ("val_rmse", "min")
