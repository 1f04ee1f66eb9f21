"""Spaces that can't be searched are refused knob by knob; nothing heavy is imported for it."""

import pytest

from components.tuner import space
from components.tuner.options import Options
from ranker.job_options import JobOptions


def problems(**dimensions):
    options = Options(space={path.replace("__", "."): value for path, value in dimensions.items()})
    return {problem.path: problem.what for problem in space.problems(options.space, JobOptions())}


def test_every_kind_of_knob_can_be_searched():
    found = problems(
        learning_rate={"min": "5e-4", "max": "5e-3", "log": True},
        clip_norm={"min": 1, "max": 3},
        schedule={"choices": ["constant", "cosine"]},
        model__gap_embedding={"choices": [True, False]},
        model__architecture={"choices": ["lstm", "gru"]},
        model__architecture__units={"choices": [32, 64]},  # both have it
    )
    assert found == {}


@pytest.mark.parametrize(
    ("path", "dimension", "what"),
    [
        ("model__dropot", {"min": 0, "max": 0.5}, "did you mean model.dropout"),
        ("units", {"choices": [1]}, "did you mean model.architecture.units"),
        ("model__dropout", {"min": 0.1, "max": 1.5}, "1.5 can't be: Input should be less than 1"),
        ("schedule", {"choices": ["cosine", "linear"]}, "'linear' can't be"),
        ("batch_size", {"choices": [32, 0.5]}, "0.5 can't be"),
        ("model__architecture", {"choices": ["lstm", "gruu"]}, "Did you mean 'gru'"),
        ("model__loss__label_smoothing", {"min": 0, "max": 3}, "3 can't be"),
        ("model__architecture__name", {"choices": ["lstm"]}, "name it as model.architecture"),
        ("epochs", {"choices": [3]}, "tuner.epochs"),
        ("seed", {"choices": [3]}, "can't be tuned"),
        ("model__head", {"choices": ["rating"]}, "can't be tuned"),
        ("refit", {"choices": [True]}, "no such knob"),  # the Trainer's own: a trial exports nothing
    ],
)
def test_what_cannot_be_searched_is_said_of_its_knob(path, dimension, what):
    assert what in problems(**{path: dimension})[path.replace("__", ".")]


def test_a_knob_that_one_of_the_tried_parts_lacks_is_refused_with_its_name():
    found = problems(
        model__loss={"choices": ["cross_entropy", "bpr_max"]},
        model__loss__label_smoothing={"min": 0, "max": 0.2},
    )
    assert "with bpr_max" in found["model.loss.label_smoothing"]


@pytest.mark.parametrize("dimension", [{"min": 2, "max": 1}, {"min": 0, "max": 1, "log": True}, {"choices": []}, {}])
def test_an_impossible_range_is_refused(dimension):
    with pytest.raises(ValueError, match="space"):
        Options(space={"learning_rate": dimension})
