"""Shares by tenths, Lorenz curve, Gini coefficient."""

import numpy as np
import pytest

from inspection.report import exposure


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([1, 1, 1], 0.0), ([0, 2], 0.5), ([0, 0, 0, 5], 0.75), ([1, 3], (-1 + 3) * 1 / (2 * 4) + 0.0)],
)
def test_gini_of_a_few_counts(counts, expected):  # of [1, 3]: (-1 * 1 + 1 * 3) / (2 * 4) = 0.25
    assert exposure.gini(np.array(counts)) == pytest.approx(expected)


def test_gini_of_nothing_is_not_a_number():
    assert np.isnan(exposure.gini(np.array([0, 0])))
    assert np.isnan(exposure.gini(np.array([])))


def test_lorenz_curve_runs_from_nothing_to_all():
    x, y = exposure.lorenz(np.array([3, 0, 1]))
    np.testing.assert_allclose(x, [0, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(y, [0, 0, 0.25, 1])
    x, y = exposure.lorenz(np.arange(1000))
    assert len(x) == 101
    assert np.all(np.diff(y) >= 0)


def test_shares_by_tenths_add_up_and_keep_what_is_new_apart():
    training = {f"i{n}": 20 - n for n in range(20)}
    found = exposure.spread(training, {"i0": 3, "i19": 1}, {"i2": 1, "new": 1})
    assert found.items.tolist() == [2] * 10 + [0]
    assert found.training[0] == pytest.approx((20 + 19) / sum(training.values()))
    assert found.shown[[0, 9]].tolist() == [0.75, 0.25]
    assert found.labels[[1, 10]].tolist() == [0.5, 0.5]
    assert exposure.spread(training, {}, {}).shown.tolist() == [0.0] * 11
