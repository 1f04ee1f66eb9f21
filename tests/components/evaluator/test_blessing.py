import numpy as np
import polars as pl
import pytest

from components.evaluator import blessing
from components.evaluator.options import Options
from schemas import errors

OPTIONS = Options(resamples=500)


def rows(rank, popular, baseline=None, split="valid", recent=None):
    """Rows as per_user.read gives them, a user each."""
    n = len(rank)
    return pl.DataFrame(
        {
            "split": [split] * n,
            "user_id": [f"u{i:04}" for i in range(n)],
            "rank": rank,
            "popularity_rank": popular,
            "baseline_rank": [None] * n if baseline is None else baseline,
            "recent_rank": [None] * n if recent is None else recent,
        },
        schema_overrides={"baseline_rank": pl.Int64, "recent_rank": pl.Int64},
    )


def test_model_at_the_asked_for_multiple_is_blessed_and_just_below_it_is_not():
    data = rows([1] * 6 + [0] * 4, [1] * 5 + [0] * 5)  # NDCG 0.6 against 0.5: 1.2 times
    assert blessing.decide(data, OPTIONS).blessed
    refused = blessing.decide(data, Options(min_lift=1.21, resamples=500))
    assert not refused.blessed
    assert refused.why == (
        "Not blessed: ndcg@10 on validation is 0.6000, 1.20 times the most-popular baseline's 0.5000; "
        "at least 1.21 times is asked for."
    )


def test_test_rows_do_not_decide():
    good, bad = rows([1] * 10, [0] * 10), rows([0] * 10, [1] * 10, split="test")
    assert blessing.decide(pl.concat([good, bad]), OPTIONS).blessed


def test_model_that_hits_nothing_is_refused_even_where_popularity_hits_nothing():
    assert not blessing.decide(rows([0] * 5, [0] * 5), OPTIONS).blessed


def test_model_shown_to_be_worse_than_the_latest_is_refused_with_its_interval():
    decision = blessing.decide(rows([3] * 200, [0] * 200, [1] * 200), OPTIONS)
    assert not decision.blessed
    assert [check.passed for check in decision.checks] == [True, False]
    assert "-0.5000 (95% interval -0.5000 to -0.5000)" in decision.why


def test_worse_by_less_than_the_allowed_loss_is_blessed():
    assert blessing.decide(rows([3] * 200, [0] * 200, [1] * 200), Options(max_loss=0.5, resamples=500)).blessed


def test_model_that_cannot_be_told_apart_from_the_latest_is_blessed():
    rng = np.random.default_rng(0)
    one, other = rng.integers(1, 30, 300), rng.integers(1, 30, 300)
    found = blessing.decide(rows(one, [0] * 300, other), OPTIONS).checks[1].figures
    assert found["low"] < 0 < found["high"]
    assert blessing.decide(rows(one, [0] * 300, other), OPTIONS).blessed


def test_model_below_the_users_own_latest_items_is_blessed_with_a_warning():
    below = blessing.decide(rows([3] * 10, [0] * 10, recent=[1] * 10), OPTIONS)
    assert below.blessed
    assert below.why.endswith("each user's own latest items, latest first, reach 1.0000, more than the model's 0.5000.")
    assert "latest items" not in blessing.decide(rows([1] * 10, [0] * 10, recent=[3] * 10), OPTIONS).why


def test_no_validation_rows_is_an_error():
    with pytest.raises(errors.DataError, match="no validation examples"):
        blessing.decide(rows([1], [1], split="test"), OPTIONS)
