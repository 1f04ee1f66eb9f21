"""gBCE is the paper's formula, calibrated as it says."""

import numpy as np
import pytest

from ranker.losses import gbce


def softplus(x):
    return np.logaddexp(0.0, x)


def formula(beta):
    return lambda own, others: (beta * softplus(-own) + np.sum(softplus(others))) / (len(others) + 1)


# alpha = 4 / 8, of nine items; beta = alpha (t (1 - 1 / alpha) + 1 / alpha)
@pytest.mark.parametrize(("calibration", "beta"), [(0.0, 1.0), (0.75, 0.5 * (0.75 * (1 - 2) + 2)), (1.0, 0.5)])
@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_loss_and_gradients_are_the_formula(catalogue, check, calibration, beta, adjusted, scale):
    loss = gbce.build(gbce.Options(negatives=4, calibration=calibration), catalogue)
    check(loss, formula(beta), adjusted, scale)


@pytest.mark.parametrize("count", [9, 50])
def test_whole_catalogue_needs_no_calibration(catalogue, check, count):
    check(gbce.build(gbce.Options(negatives=count, calibration=1.0), catalogue), formula(1.0))
