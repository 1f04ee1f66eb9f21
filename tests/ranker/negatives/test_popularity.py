"""Draws by popularity follow the training counts to a power, the rarest items included."""

import numpy as np
import pytest

from ranker.catalogue import Catalogue
from ranker.negatives import popularity


def sampler(counts, count, power):
    items = np.array([f"i{n}" for n in range(len(counts))])
    catalogue = Catalogue(items, np.array(counts), 0, 0, 3, mask_seen=False)
    return popularity.build(popularity.Options(count=count, power=power), catalogue)


# Roots of 16, 4, 1 and 1 are 4, 2, 1 and 1.
@pytest.mark.parametrize(
    ("power", "share"), [(0.0, [4, 4, 4, 4]), (0.5, [8, 4, 2, 2]), (1.0, np.array([16, 4, 1, 1]) * 16 / 22)]
)
def test_items_are_expected_by_their_counts_to_the_power(power, share):
    np.testing.assert_allclose(sampler([16, 4, 1, 1], 3, power).expected, 3 * np.array(share) / 16)


def test_all_items_are_drawn_however_rare_in_a_large_catalogue():
    by_count = sampler(np.r_[10**7, np.ones(200_000, np.int64)], 4096, 1.0)
    drawn = np.concatenate([by_count.columns([0], [1.0]).numpy() for _ in range(50)])
    assert drawn.min() == 0
    assert drawn.max() > 190_000
    assert np.mean(drawn > 0) == pytest.approx(200_000 / (10**7 + 200_000), rel=0.1)
