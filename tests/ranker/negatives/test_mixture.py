"""A mixture draws what its parts draw, and expects what they expect together."""

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from ranker.catalogue import Catalogue
from ranker.negatives import in_batch, mixture, popularity, uniform

COUNTS = np.array([40, 20, 10, 5, 5, 5, 5, 5, 3, 2])


def build(*parts):
    catalogue = Catalogue(np.array([f"i{n}" for n in range(len(COUNTS))]), COUNTS, 0, 0, 3, mask_seen=False)
    return mixture.build(mixture.Options(parts=parts), catalogue)


def test_counts_add_up_part_by_part():
    mixed = build({"name": "uniform", "count": 3}, {"name": "popularity", "count": 4, "power": 1.0})
    np.testing.assert_allclose(mixed.expected, 3 / 10 + 4 * COUNTS / 100)
    assert mixed.count == 7


def test_draws_of_each_part_stand_side_by_side():
    mixed = build({"name": "in_batch", "count": 2}, {"name": "uniform", "count": 5}, {"name": "in_batch", "count": 1})
    drawn = np.array([mixed.columns(tf.constant([9, 9], tf.int64), tf.ones([2])).numpy() for _ in range(20)])
    np.testing.assert_array_equal(drawn[:, [0, 1, 7]], np.full([20, 3], 9))
    assert np.unique(drawn[:, 2:7]).size == 10


def test_a_part_without_a_name_is_uniform_and_a_mixture_may_be_part_of_one():
    options = mixture.Options(parts=[{"count": 7}, 3, {"name": "mixture", "parts": ["in_batch", "popularity"]}])
    inner = mixture.Options(parts=(in_batch.Options(), popularity.Options()))
    assert options.parts == (uniform.Options(count=7), uniform.Options(count=3), inner)


@pytest.mark.parametrize("parts", [[], ["unifrm"], [{"name": "uniform", "count": 0}]])
def test_no_part_or_an_impossible_one_is_refused(parts):
    with pytest.raises(ValidationError):
        mixture.Options(parts=parts)
