"""BPR-max is the paper's formula."""

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp

from ranker.losses import bpr_max


def formula(regularisation):
    def loss(own, others):
        if not len(others):
            return 0.0
        log_share = log_softmax(others)
        log_above = -np.logaddexp(0.0, others - own)
        return regularisation * np.exp(log_share) @ others**2 - logsumexp(log_share + log_above)

    return loss


@pytest.mark.parametrize("regularisation", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_loss_and_gradients_are_the_formula(catalogue, check, regularisation, adjusted, scale):
    loss = bpr_max.build(bpr_max.Options(negatives=4, regularisation=regularisation), catalogue)
    check(loss, formula(regularisation), adjusted, scale)


def test_two_negatives_by_hand():
    # Scores 0 and log 3 have shares 1/4 and 3/4; against a label of log 3 they are below it with 3/4 and 1/2.
    expected = -np.log(0.25 * 0.75 + 0.75 * 0.5) + 0.75 * np.log(3) ** 2
    assert formula(1.0)(np.log(3), np.array([0.0, np.log(3)])) == pytest.approx(expected)
