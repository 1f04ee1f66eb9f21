"""Figures of made logs are those that they were made with."""

import numpy as np
import polars as pl
import pytest

from pipeline.guess import figures
from pipeline.guess.survey import ITEM, TIE, TIME, USER, Survey

DAY = figures.DAY


def measured(user, item, time, tie=None, share=1.0):
    events = pl.DataFrame(
        {USER: user, ITEM: item, TIME: time, TIE: np.arange(len(user)) if tie is None else tie},
        schema={USER: pl.UInt64, ITEM: pl.UInt64, TIME: pl.Int64, TIE: pl.Int64},
    )
    survey = Survey(len(user), 0, True, (), {}, events, share, events.select(ITEM, TIME), share)
    return figures.measure(survey)


def test_lengths_repeats_ties_and_duplicates_by_hand():
    # User 1: items 5, 6, 5, of which the second and third at one time; user 2: item 5, twice the very same row.
    found = measured([1, 1, 1, 2, 2], [5, 6, 5, 5, 5], [0, DAY, DAY, DAY, DAY], tie=[1, 2, 3, 4, 4])
    assert (found.events, found.users, found.items) == (4, 2, 2)
    assert found.duplicates == pytest.approx(1 / 5)
    assert found.repeats == pytest.approx(1 / 2)  # of the two events after a user's first
    assert found.ties == pytest.approx(1 / 2)
    assert (found.median, found.short, found.days) == (2.0, 0.5, 1.0)


def test_counts_of_a_sample_are_scaled_up():
    found = measured([1, 2], [1, 2], [0, 1], share=0.25)
    assert (found.events, found.users, found.items, found.sampled) == (8, 8, 8, True)


def test_new_items_and_new_users_of_the_last_tenth():
    n = 1000
    time = np.arange(n) * 60_000
    late = np.arange(n) >= 900
    found = measured(np.where(late, 100 + np.arange(n), np.arange(n) % 10), np.where(late, 7, np.arange(n) % 5), time)
    assert found.turnover == 1.0
    assert found.strangers == 1.0
    still = measured(np.arange(n) % 10, np.arange(n) % 5, time)
    assert (still.turnover, still.strangers) == (0.0, 0.0)


def pauses(rng, within, between, n=5_000, size=5):
    """Seconds: sessions of `size` events on average."""
    return np.where(rng.random(n) < 1 / size, rng.uniform(*between, n), rng.uniform(*within, n))


@pytest.mark.parametrize(
    ("within", "between", "low", "high"),
    [
        ((10, 120), (45 * 60, 600 * 60), 2, 45),
        ((180, 240), (5 * 3600, 40 * 3600), 4, 300),
        ((1, 60), (600, 7200), 1, 10),
    ],
)
def test_the_end_of_a_session_lies_between_both_kinds_of_pauses(within, between, low, high):
    end = figures.session_end(pauses(np.random.default_rng(0), within, between))
    assert low <= end <= high


@pytest.mark.parametrize(
    "seconds",
    [
        np.random.default_rng(0).exponential(3600, 5_000),
        np.random.default_rng(0).lognormal(6, 2, 5_000),
        np.full(1_000, 60.0),
        np.array([1.0, 1e6]),
        np.empty(0),
    ],
)
def test_one_kind_of_pauses_shows_no_sessions(seconds):
    assert figures.session_end(seconds) is None


def test_sessions_are_counted_and_sized():
    rng = np.random.default_rng(0)
    gap = np.where(np.arange(4_000) % 4 == 0, 86_400_000, 60_000) + rng.integers(0, 1000, 4_000)
    found = measured(np.repeat(np.arange(10), 400), np.arange(4_000) % 50, np.cumsum(gap))
    assert (found.session_median, found.session_most, found.sessions) == (4.0, 4.0, 100.0)


def test_streams_are_cut_into_sessions_first():
    rng = np.random.default_rng(0)
    gap = np.where(np.arange(4_000) % 4 == 0, 86_400_000, 60_000) + rng.integers(0, 1000, 4_000)
    events = pl.DataFrame(
        {USER: np.zeros(4_000), ITEM: np.arange(4_000) % 50, TIME: np.cumsum(gap), TIE: np.arange(4_000)},
        schema={USER: pl.UInt64, ITEM: pl.UInt64, TIME: pl.Int64, TIE: pl.Int64},
    )
    survey = Survey(4_000, 0, True, (), {}, events, 1.0, events.select(ITEM, TIME), 1.0)
    found = figures.measure(survey, streams=True)
    assert (found.users, found.median, found.repeats) == (1_000, 4.0, 0.0)
    assert figures.measure(survey).repeats > 0.9
