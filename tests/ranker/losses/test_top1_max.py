"""TOP1-max is the paper's formula."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from ranker.losses import top1_max


def formula(regularisation):
    def loss(own, others):
        return softmax(others) @ (expit(others - own) + regularisation * expit(others**2)) if len(others) else 0.0

    return loss


@pytest.mark.parametrize("regularisation", [0.0, 1.0])
@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_loss_and_gradients_are_the_formula(catalogue, check, regularisation, adjusted, scale):
    loss = top1_max.build(top1_max.Options(negatives=4, regularisation=regularisation), catalogue)
    check(loss, formula(regularisation), adjusted, scale)


def test_two_negatives_by_hand():
    # Scores 0 and log 3 have shares 1/4 and 3/4; against a label of log 3 they are above it with 1/4 and 1/2.
    expected = 0.25 * (0.25 + 0.5) + 0.75 * (0.5 + expit(np.log(3) ** 2))
    assert formula(1.0)(np.log(3), np.array([0.0, np.log(3)])) == pytest.approx(expected)
