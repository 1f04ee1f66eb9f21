"""Calibration by hand."""

import numpy as np
import pytest

from ranker import rerank
from ranker.rerank import calibrated


def test_the_divergence_is_stecks():
    past, answered = np.array([0.7, 0.3, 0.0]), np.array([1.0, 0.0, 0.0])
    smooth = 0.99 * answered + 0.01 * past
    expected = 0.7 * np.log(0.7 / smooth[0]) + 0.3 * np.log(0.3 / smooth[1])
    assert calibrated.kullback_leibler(past, answered) == pytest.approx(expected)
    assert calibrated.kullback_leibler(past, past) == pytest.approx(0.0)


def test_the_answer_is_spread_as_the_past_is():
    genres = [["war"]] * 8 + [["drama"]] * 8
    slate = rerank.slate([16.0 - n for n in range(16)], genres, [["war"], ["war"], ["war"], ["drama"]])
    first = calibrated.order(slate, 8, 1.0)
    assert sum(at < 8 for at in first) == 6  # three quarters
    assert calibrated.order(slate, 8, 0.0).tolist() == list(range(8))
