import numpy as np
import polars as pl
import pytest

from components.evaluator import blessing
from components.evaluator.options import Options
from schemas import errors, records

OPTIONS = Options(resamples=300)
USERS = 200


def ranks(baseline=False):
    """Rows as per_user.read gives them: a bad model, which the metrics of pairs don't care about."""
    n = USERS
    return pl.DataFrame(
        {
            "split": ["valid"] * n,
            "user_id": [f"u{i:04}" for i in range(n)],
            "rank": [0] * n,
            "popularity_rank": [1] * n,
            "baseline_rank": [1 if baseline else None] * n,
            "recent_rank": [None] * n,
        },
        schema_overrides={"baseline_rank": pl.Int64, "recent_rank": pl.Int64},
    )


def pairs(head, error, by_item=1.0, constant=1.5, baseline=None, split="valid"):
    """Two pairs a user; the predictions of each model are off by about as much as is said."""
    rng, n = np.random.default_rng(0), 2 * USERS
    targets = np.tile([1.0, 0.0], USERS) if head == "pointwise" else rng.integers(1, 6, n).astype(float)

    def off(by, seed):
        noise = np.random.default_rng(seed).normal(size=n)
        if head == "rating":
            return targets + by * noise
        return 1 / (1 + np.exp(-(2 * targets - 1) * 2 / by + noise))

    columns = {
        "split": [split] * n,
        "user_id": [f"u{i // 2:04}" for i in range(n)],
        "target": targets,
        "weight": np.ones(n),
        "candidate": off(error, 1),
        "by_item": off(by_item, 2),
        "constant": off(constant, 3),
        "baseline": [None] * n if baseline is None else off(baseline, 4),
    }
    kinds = pl.DataFrame(pl.from_arrow(records.PAIRS.empty_table())).schema
    return pl.DataFrame({**dict.fromkeys(kinds, [None] * n), **columns}, schema=kinds)


HEADS = [("pointwise", "log_loss"), ("rating", "rmse")]


@pytest.mark.parametrize(("head", "metric"), HEADS)
def test_model_shown_to_be_better_than_both_baselines_is_blessed_whatever_its_ranks(head, metric):
    decision = blessing.decide(ranks(), OPTIONS, head, pairs(head, 0.5))
    assert decision.blessed, decision.why
    assert decision.metric == metric
    assert len(decision.checks) == 2
    assert all(check.figures["low"] > 0 for check in decision.checks)


@pytest.mark.parametrize(("head", "metric"), HEADS)
def test_model_that_cannot_be_told_from_a_baseline_is_refused_with_its_interval(head, metric):
    decision = blessing.decide(ranks(), OPTIONS, head, pairs(head, 1.1))
    assert not decision.blessed
    assert [check.passed for check in decision.checks] == [False, True]
    assert f"{metric} on validation is" in decision.why
    assert "all of which must lie above 0." in decision.why


def test_gain_that_is_asked_for_counts():
    gains = blessing.decide(ranks(), OPTIONS, "rating", pairs("rating", 0.5)).checks[0].figures
    asked = Options(resamples=300, min_gain=gains["low"] + 0.01)
    assert not blessing.decide(ranks(), asked, "rating", pairs("rating", 0.5)).blessed


@pytest.mark.parametrize("metric", ["auc", "accuracy", "calibration_error", "log_loss"])
def test_any_metric_of_probabilities_can_decide(metric):
    better = pairs("pointwise", 1.0).with_columns(by_item=pl.lit(0.5), constant=1 - pl.col("candidate"))
    decision = blessing.decide(ranks(), Options(metric=metric, resamples=300), "pointwise", better)
    assert decision.metric == metric
    assert decision.checks[1].passed == (metric != "calibration_error" or decision.checks[1].figures["low"] > 0)
    assert (decision.checks[0].figures["difference"] > 0) == (metric != "calibration_error")


@pytest.mark.parametrize(("head", "metric"), HEADS)
def test_model_shown_to_be_worse_than_the_latest_is_refused_and_one_like_it_passes(head, metric):
    worse = blessing.decide(ranks(True), OPTIONS, head, pairs(head, 0.5, baseline=0.4))
    assert [check.passed for check in worse.checks] == [True, True, False]
    assert f"The latest blessed model's {metric} is" in worse.why
    assert blessing.decide(ranks(True), OPTIONS, head, pairs(head, 0.5, baseline=0.5)).blessed
    forgiving = Options(resamples=300, max_loss=1.0)
    assert blessing.decide(ranks(True), forgiving, head, pairs(head, 0.5, baseline=0.4)).blessed


def test_latest_model_of_another_head_is_said_not_to_be_compared():
    decision = blessing.decide(ranks(baseline=True), OPTIONS, "rating", pairs("rating", 0.5))
    assert decision.blessed
    assert decision.why.endswith("another head: its scores mean something else, and aren't compared.")


def test_test_rows_do_not_decide():
    rows = pl.concat([pairs("rating", 0.5), pairs("rating", 3.0, split="test")])
    assert blessing.decide(ranks(), OPTIONS, "rating", rows).blessed


def test_metric_of_ranks_still_decides_where_it_is_named():
    decision = blessing.decide(ranks(), Options(metric="hr@10", resamples=300), "rating", pairs("rating", 0.5))
    assert not decision.blessed
    assert "most-popular baseline" in decision.why


def test_no_pairs_of_validation_is_an_error():
    with pytest.raises(errors.DataError, match="rmse"):
        blessing.decide(ranks(), OPTIONS, "rating", pairs("rating", 0.5, split="test"))
