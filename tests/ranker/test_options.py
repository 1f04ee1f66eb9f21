"""Names in the configuration are files' names, and faults are named."""

import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from ranker import registry
from ranker.catalogue import Catalogue, counts_in_order
from ranker.options import ModelOptions
from schemas.errors import ConfigError, ModelError


def test_options_survive_json_with_their_own_knobs():
    options = ModelOptions(architecture={"name": "lstm", "units": 7})
    again = ModelOptions.model_validate_json(options.model_dump_json())
    assert again == options
    assert again.architecture.units == 7


def test_unknown_name_is_refused_and_a_near_one_offered():
    with pytest.raises(ConfigError, match="Did you mean 'lstm'"):
        registry.load("architectures", "lstn")


def test_unknown_knob_is_refused():
    with pytest.raises(ValidationError, match="unit"):
        ModelOptions(architecture={"name": "lstm", "unit": 7})


@pytest.mark.parametrize(
    ("given", "loss"),
    [
        ({}, "auto"),
        ({"loss": {"label_smoothing": 0.2}}, "auto"),
        ({"head": "pointwise"}, "binary_cross_entropy"),
        ({"head": {"name": "pointwise"}, "loss": {"ratio": 4.0}}, "binary_cross_entropy"),
        ({"head": {"name": "rating", "shrinkage": 3.0}}, "mean_squared_error"),
        ({"head": "next_item", "loss": "gbce"}, "gbce"),
    ],
)
def test_loss_is_the_heads_own_where_none_is_named(given, loss):
    options = ModelOptions(**given)
    assert options.loss.name == loss
    assert ModelOptions.model_validate_json(options.model_dump_json()) == options


@pytest.mark.parametrize(
    ("head", "loss"), [("rating", "cross_entropy"), ("pointwise", "auto"), ("next_item", "mean_squared_error")]
)
def test_a_loss_that_cannot_train_the_head_is_refused(head, loss):
    with pytest.raises(ValidationError, match=f"{loss} trains no {head} head"):
        ModelOptions(head=head, loss=loss)


def test_options_are_read_without_tensorflow():
    code = (
        "import sys; from ranker.options import ModelOptions; ModelOptions(head='pointwise'); "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_counts_follow_the_vocabulary():
    np.testing.assert_array_equal(counts_in_order(["b", "c", "a"], ["a", "b", "c", "d"], [1, 2, 3, 4]), [2, 3, 1])
    with pytest.raises(ModelError, match="'x'"):
        counts_in_order(["x"], ["a"], [1])


@pytest.mark.parametrize(("items", "counts"), [([], []), (["a"], [1, 2]), (["a"], [0])])
def test_catalogue_that_contradicts_itself_is_refused(items, counts):
    with pytest.raises(ModelError):
        Catalogue(np.array(items), np.array(counts), 0, 0, 5, True)
