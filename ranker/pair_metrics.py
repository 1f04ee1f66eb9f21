"""Metrics of pairs (history, item) in NumPy, for heads that say more than an order of items.

Each metric is a function of sums over pairs. So Beam adds sums up, and a bootstrap draws groups of users by adding
theirs up, and nobody needs all pairs at once. The area under the ROC curve is that of a histogram of logits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Sums = Callable[..., np.ndarray]
    Values = Callable[[np.ndarray], dict[str, np.ndarray]]

SCORED: Final = "scored"  # labels with a pair
LOG_LOSS, AUC, ACCURACY, CALIBRATION_ERROR = "log_loss", "auc", "accuracy", "calibration_error"
CALIBRATION: Final = "calibration"
RMSE, MAE = "rmse", "mae"
LESS_IS_BETTER: Final = frozenset({LOG_LOSS, CALIBRATION_ERROR, RMSE, MAE})

_SMALLEST: Final = 1e-7  # a probability is at least this far from 0 and 1: about what float32 can say of one near 1
_BINS: Final = 15  # of equal width (Guo et al., ICML 2017)
_CELLS_A_LOGIT: Final = 16
_FURTHEST: Final = 17  # logits: beyond that of _SMALLEST
_CELLS: Final = 2 * _FURTHEST * _CELLS_A_LOGIT
_PLAIN: Final = 5  # sums that aren't of a bin or cell


def probability_sums(
    probabilities: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray | None = None,
    groups: int = 1,
) -> np.ndarray:
    """What `probability_metrics` needs of some pairs; the sums of two sets of pairs add up to those of both.

    Args:
        probabilities: [n] float64 in [0, 1], that the target is 1.
        targets: [n], 0 or 1.
        weights: [n] float64, how much each pair counts.
        group: [n] int64, which group each pair belongs to; None: all belong to the one.
        groups: how many there are.
    Returns: [groups, m] float64.
    """
    p = np.clip(np.asarray(probabilities, np.float64), _SMALLEST, 1.0 - _SMALLEST)
    y, w = np.asarray(targets, np.float64), np.asarray(weights, np.float64)
    group = np.zeros(len(p), np.int64) if group is None else group
    losses = -np.where(y > 0, np.log(p), np.log1p(-p))
    right = (p > 0.5) == (y > 0)
    plain = [np.bincount(group, w * value, groups) for value in (np.ones_like(p), y, p, losses, right)]
    bins = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)
    cells = ((np.log(p) - np.log1p(-p) + _FURTHEST) * _CELLS_A_LOGIT).astype(np.int64)
    parts = [
        np.stack(plain, axis=1),
        *(_binned(group, groups, bins, _BINS, w * value) for value in (p, y)),
        *(_binned(group, groups, cells, _CELLS, w * value) for value in (y, 1.0 - y)),
    ]
    return np.concatenate(parts, axis=1)


def probability_metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics of probabilities.

    log_loss: mean of -log P of what was the case, natural logarithms.
    auc: probability that a pair with target 1 has the higher probability of two pairs with different targets, of any
        users, equal ones counted half (Hanley and McNeil, Radiology 1982); logits closer than 1/16 count as equal.
    accuracy: share of pairs whose target is the more probable one; a probability of 0.5 says 0.
    calibration_error: mean distance of probability and frequency over 15 bins of probability, each weighted by its
        pairs: the expected calibration error (Naeini et al., AAAI 2015).
    calibration: the sum of probabilities by the number of targets 1: 1 is right, above it they are too high.
    scored: sum of the weights of pairs with target 1.

    Args:
        sums: [r, m], of `probability_sums`.
    Returns: each [r] float64; NaN where there are no pairs of a kind that is needed.
    """
    weight, positive, predicted, losses, right = sums[:, :_PLAIN].T
    of_bins, of_cells = np.split(sums[:, _PLAIN:], [2 * _BINS], axis=1)
    mean, frequency = np.split(of_bins, 2, axis=1)
    there, not_there = np.split(of_cells, 2, axis=1)
    below = np.cumsum(not_there, axis=1) - not_there / 2.0
    return {
        LOG_LOSS: _ratio(losses, weight),
        AUC: _ratio((there * below).sum(axis=1), there.sum(axis=1) * not_there.sum(axis=1)),
        ACCURACY: _ratio(right, weight),
        CALIBRATION_ERROR: _ratio(np.abs(mean - frequency).sum(axis=1), weight),
        CALIBRATION: _ratio(predicted, positive),
        SCORED: positive,
    }


def rating_sums(
    ratings: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray | None = None,
    groups: int = 1,
) -> np.ndarray:
    """What `rating_metrics` needs of some pairs: as `probability_sums`, of predicted and given ratings, [n] float64."""
    errors = np.asarray(ratings, np.float64) - targets
    group = np.zeros(len(errors), np.int64) if group is None else group
    values = (np.ones_like(errors), errors**2, np.abs(errors))
    return np.stack([np.bincount(group, weights * value, groups) for value in values], axis=1)


def rating_metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Root of the mean squared error, mean absolute error, and the number of ratings.

    Args:
        sums: [r, m], of `rating_sums`.
    Returns: each [r] float64; NaN where there are no ratings.
    """
    weight, squared, absolute = sums.T
    return {RMSE: np.sqrt(_ratio(squared, weight)), MAE: _ratio(absolute, weight), SCORED: weight}


# By the model's head, a name of ranker.heads.
SUMS: Final[Mapping[str, Sums]] = {"pointwise": probability_sums, "rating": rating_sums}
VALUES: Final[Mapping[str, Values]] = {"pointwise": probability_metrics, "rating": rating_metrics}
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "pointwise": (LOG_LOSS, AUC, ACCURACY, CALIBRATION_ERROR, CALIBRATION, SCORED),
    "rating": (RMSE, MAE, SCORED),
}


def _binned(group: np.ndarray, groups: int, bins: np.ndarray, number: int, values: np.ndarray) -> np.ndarray:
    """Sums by group and bin: [groups, number]."""
    return np.bincount(group * number + bins, values, groups * number).reshape(groups, number)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
