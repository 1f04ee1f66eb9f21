"""Knobs found and set by their paths."""

import pytest
from pydantic import ValidationError

from ranker.hyperparameters import applied, knob, of_keras_tuner, paths
from ranker.job_options import JobOptions

OPTIONS = JobOptions(batch_size=8, model={"architecture": {"name": "lstm", "units": 4}})


def test_every_path_leads_to_its_knob():
    found = list(paths(OPTIONS))
    assert {"batch_size", "model", "model.dropout", "model.architecture", "model.architecture.units"} <= set(found)
    assert knob(OPTIONS, "model.architecture.units") == 4
    for path in found:
        knob(OPTIONS, path)


@pytest.mark.parametrize("path", ["modle", "model.dropot", "batch_size.x", "model.architecture.units.x", ""])
def test_a_path_that_leads_nowhere_is_refused(path):
    with pytest.raises(KeyError):
        knob(OPTIONS, path)


def test_values_go_over_options_and_leave_the_others():
    found = applied(OPTIONS, {"learning_rate": 0.01, "model.architecture.units": 16})
    assert (found.learning_rate, found.batch_size, knob(found, "model.architecture.units")) == (0.01, 8, 16)
    assert knob(OPTIONS, "model.architecture.units") == 4


def test_a_named_part_takes_a_name_and_knobs_in_any_order():
    found = applied(OPTIONS, {"model.architecture.units": 16, "model.architecture": "gru"})
    assert (found.model.architecture.name, knob(found, "model.architecture.units")) == ("gru", 16)


def test_an_impossible_value_is_refused():
    with pytest.raises(ValidationError):
        applied(OPTIONS, {"model.dropout": 1.0})


def test_what_hyperband_notes_for_itself_is_no_knob():
    config = {"space": [], "values": {"learning_rate": 0.1, "tuner/epochs": 2, "tuner/trial_id": "0001"}}
    assert of_keras_tuner(config) == {"learning_rate": 0.1}
