import numpy as np
import pytest
from sklearn import calibration, metrics

from ranker import pair_metrics


def pairs(n=4000, seed=0):
    """Probabilities that say something and are too low, targets of which a fifth are 1, weights."""
    rng = np.random.default_rng(seed)
    targets = (rng.random(n) < 0.2).astype(float)
    logits = 1.5 * rng.normal(size=n) - 3.0 + 2.0 * targets
    return 1 / (1 + np.exp(-logits)), targets, rng.uniform(0.1, 2.0, n)


def of_probabilities(*given):
    return {name: value[0] for name, value in pair_metrics.probability_metrics(sums(*given)).items()}


def sums(*given):
    return pair_metrics.probability_sums(*given)


def test_metrics_of_probabilities_are_those_of_scikit_learn():
    p, y, w = pairs()
    found = of_probabilities(p, y, w)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, p, sample_weight=w))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, p, sample_weight=w), abs=2e-4)  # cells of logits
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, p > 0.5, sample_weight=w))
    assert found["calibration"] == pytest.approx((w @ p) / (w @ y))
    assert found["scored"] == pytest.approx(w @ y)


def test_calibration_error_is_the_weighted_distance_from_scikit_learns_curve():
    p, y, _ = pairs()
    frequency, mean = calibration.calibration_curve(y, p, n_bins=15, strategy="uniform")
    share = np.bincount((p * 15).astype(int), minlength=15) / len(p)
    found = of_probabilities(p, y, np.ones(len(p)))["calibration_error"]
    assert found == pytest.approx(np.abs(frequency - mean) @ share[share > 0])


def test_metrics_of_ratings_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    given, predicted, w = rng.integers(1, 6, 500), rng.uniform(1, 5, 500), rng.uniform(0.1, 2.0, 500)
    found = pair_metrics.rating_metrics(pair_metrics.rating_sums(predicted, given, w))
    assert found["rmse"][0] == pytest.approx(metrics.mean_squared_error(given, predicted, sample_weight=w) ** 0.5)
    assert found["mae"][0] == pytest.approx(metrics.mean_absolute_error(given, predicted, sample_weight=w))


@pytest.mark.parametrize("head", pair_metrics.SUMS)
def test_sums_of_parts_and_of_groups_add_up_to_those_of_the_whole(head):
    p, y, w = pairs(300)
    group = np.random.default_rng(2).integers(0, 4, 300)
    whole = pair_metrics.SUMS[head](p, y, w)
    by_group = pair_metrics.SUMS[head](p, y, w, group, 4)
    parts = [pair_metrics.SUMS[head](p[at], y[at], w[at]) for at in (slice(100), slice(100, None))]
    np.testing.assert_allclose(by_group.sum(axis=0, keepdims=True), whole)
    np.testing.assert_allclose(sum(parts), whole)
    of_one = pair_metrics.VALUES[head](by_group)
    alone = pair_metrics.VALUES[head](pair_metrics.SUMS[head](p[group == 2], y[group == 2], w[group == 2]))
    assert list(of_one) == list(pair_metrics.NAMES[head])
    np.testing.assert_allclose([of_one[name][2] for name in of_one], [alone[name][0] for name in alone])


def test_one_probability_for_all_tells_nothing_apart():
    found = of_probabilities(np.full(8, 0.25), np.array([1.0, 0, 0, 0] * 2), np.ones(8))
    assert found["auc"] == 0.5
    assert found["log_loss"] == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))
    assert (found["calibration_error"], found["calibration"]) == (pytest.approx(0), pytest.approx(1))


def test_certain_and_wrong_is_a_finite_loss():
    found = of_probabilities(np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.ones(2))
    assert found["log_loss"] == pytest.approx(-np.log(1e-7), rel=1e-6)
    assert (found["auc"], found["accuracy"]) == (0.0, 0.0)


def test_without_pairs_there_is_no_value():
    assert np.isnan(of_probabilities(*[np.empty(0)] * 3)["auc"])
    assert np.isnan(of_probabilities(np.array([0.2]), np.array([0.0]), np.ones(1))["auc"])  # nothing to tell it from
    assert np.isnan(pair_metrics.rating_metrics(pair_metrics.rating_sums(*[np.empty(0)] * 3))["rmse"][0])
