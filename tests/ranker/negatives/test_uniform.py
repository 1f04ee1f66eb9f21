"""Uniform draws expect every item alike."""

import numpy as np

from ranker.catalogue import Catalogue
from ranker.negatives import uniform


def test_every_item_is_expected_alike_whatever_its_count():
    catalogue = Catalogue(np.array(["a", "b", "c", "d"]), np.array([90, 5, 4, 1]), 0, 0, 3, mask_seen=False)
    sampler = uniform.build(uniform.Options(count=2), catalogue)
    np.testing.assert_allclose(sampler.expected, [0.5] * 4)
