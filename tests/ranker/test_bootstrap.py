import numpy as np
import pytest

from ranker import bootstrap


def test_interval_has_the_width_of_the_standard_error():
    values = np.random.default_rng(0).normal(3.0, 2.0, (4000, 1))
    (found,) = bootstrap.intervals(values, np.arange(4000), resamples=2000)
    assert found.value == pytest.approx(values.mean())
    expected = 2 * 1.96 * values.std() / np.sqrt(4000)  # of a normal mean
    assert found.high - found.low == pytest.approx(expected, rel=0.1)


def test_more_users_than_groups_give_the_same_width():
    values = np.random.default_rng(1).normal(size=(6 * bootstrap.GROUPS, 1))
    (found,) = bootstrap.intervals(values, np.arange(len(values)), resamples=1000)
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(len(values)), rel=0.1)


def test_examples_of_one_user_are_drawn_together():
    users = np.repeat(np.arange(100), 25)
    values = np.random.default_rng(2).normal(size=100)[users][:, None]  # nothing new in a user's later examples
    (together,) = bootstrap.intervals(values, users)
    (apart,) = bootstrap.intervals(values, np.arange(2500))
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(5, rel=0.15)  # sqrt(25)


def test_paired_difference_is_narrower_than_the_two_models_apart():
    rng = np.random.default_rng(3)
    one = rng.normal(size=500)
    other = one + 0.1 + 0.01 * rng.normal(size=500)
    found = bootstrap.intervals(np.stack([one, other, other - one], axis=1), np.arange(500))
    assert found[2].low > 0.09
    assert found[2].high - found[2].low < 0.1 * (found[0].high - found[0].low)


def test_same_rows_in_another_order_and_same_seed_give_the_same_bounds():
    rng = np.random.default_rng(4)
    values, users, order = rng.random((50, 2)), rng.integers(0, 20, 50), rng.permutation(50)
    there, back = bootstrap.intervals(values, users), bootstrap.intervals(values[order], users[order])
    np.testing.assert_allclose(there, back)
    assert bootstrap.intervals(values, users, seed=1) != there


def test_one_user_has_an_interval_without_width():
    (found,) = bootstrap.intervals(np.array([[1.0], [0.0]]), np.array([0, 0]))
    assert found == (0.5, 0.5, 0.5)


def test_no_examples_is_refused():
    with pytest.raises(ValueError, match="needs examples"):
        bootstrap.intervals(np.empty((0, 1)), np.empty(0, np.int64))


def test_statistic_of_sums_has_the_interval_of_its_own_linearisation():
    rng = np.random.default_rng(5)
    errors = rng.normal(0.0, 2.0, 3000)

    def add_up(group, groups):
        return np.stack([np.bincount(group, errors**2, groups), np.bincount(group, minlength=groups)], axis=1)

    def statistics(sums):
        return np.sqrt(sums[:, :1] / sums[:, 1:])

    (found,) = bootstrap.of_sums(add_up, statistics, np.arange(3000))
    rmse = np.sqrt(np.mean(errors**2))
    assert found.value == pytest.approx(rmse)
    width = 2 * 1.96 * np.std(errors**2) / np.sqrt(3000) / (2 * rmse)  # d sqrt(x) = dx / (2 sqrt(x))
    assert found.high - found.low == pytest.approx(width, rel=0.1)


def test_no_sums_are_refused():
    with pytest.raises(ValueError, match="needs examples"):
        bootstrap.of_sums(lambda group, groups: np.empty((0, 1)), lambda sums: sums, np.empty(0, np.int64))
