"""Knobs follow from figures, and only those that differ from the defaults are set."""

import dataclasses

import pytest

from pipeline.guess import knobs
from pipeline.guess.document import values
from pipeline.guess.figures import DAY, Figures

# A log like MovieLens-100K: nothing in it calls for other knobs than the defaults, but for its small size.
USUAL = Figures(
    events=400_000,
    users=6_000,
    items=3_000,
    sampled=False,
    first=1_700_000_000_000,
    last=1_700_000_000_000 + 200 * DAY,
    median=65,
    most=240,
    mean=66.7,
    short=0.0,
    repeats=0.01,
    ties=0.0,
    duplicates=0.0,
    session=None,
    sessions=0.0,
    session_median=0.0,
    session_most=0.0,
    turnover=0.01,
    strangers=0.3,
    recent=1_700_000_000_000 + 180 * DAY,
)


def decided(has_user=True, **changed):
    figures = dataclasses.replace(USUAL, **changed)
    chosen = [*knobs.sequences(figures, has_user=has_user), *knobs.training(figures, has_user=has_user)]
    assert all(knob.why for knob in chosen)
    return values(chosen)


def test_a_usual_log_keeps_the_defaults():
    assert decided() == {}


@pytest.mark.parametrize(
    ("median", "most", "window"), [(3, 8, 10), (5, 18, 20), (20, 40, 50), (60, 250, 50), (150, 300, 100)]
)
def test_window_holds_most_histories(median, most, window):
    assert knobs.window_of(median, most) == window
    chosen = decided(median=median, most=most).get("sequence_gen", {})
    assert chosen.get("window", 50) == window


def test_repeats_are_no_longer_masked():
    assert decided(repeats=0.2) == {"sequence_gen": {"mask_seen": False}}


@pytest.mark.parametrize(
    ("changed", "labels"), [({"turnover": 0.6}, {}), ({"strangers": 0.7}, {"labels_per_user": "all"})]
)
def test_a_log_that_moves_is_split_by_time(changed, labels):
    split = decided(**changed)["sequence_gen"]["split"]
    assert split == {"name": "global_time", "valid_days": 14, "test_days": 14, **labels}


def test_sessions_are_new_anyhow():
    assert "split" not in decided(has_user=False, session=30.0, strangers=1.0)["sequence_gen"]


@pytest.mark.parametrize(("days", "recent"), [(20, 1.05), (3, 0.3), (0.5, 0.05), (900, 100)])
def test_validation_and_test_leave_most_of_the_time_to_training(days, recent):
    last = USUAL.first + int(days * DAY)
    chosen = decided(turnover=0.5, last=last, recent=last - int(recent * DAY))["sequence_gen"]["split"]
    assert 0 < chosen["valid_days"] + chosen["test_days"] <= 0.4 * days


def test_without_a_user_pauses_cut_sessions():
    chosen = decided(has_user=False, session=30.0, median=5, most=8)
    assert chosen["sequence_gen"] == {"session_gap": 30.0, "window": 10}
    assert "model" not in chosen["trainer"]  # within a session the pauses say little


def test_sessions_of_users_call_for_the_time_since_the_last_event():
    assert decided(session=30.0, sessions=12.0)["trainer"] == {"model": {"gap_embedding": True}}
    assert decided(session=30.0, sessions=1.5) == {}


def test_a_large_catalogue_needs_no_word_since_the_default_loss_goes_by_its_size():
    assert decided(items=100_000) == decided(items=1_000)


def test_more_windows_mean_larger_steps_and_fewer_passes():
    sizes = [decided(events=n, users=n // 60)["trainer"] for n in (10**5, 4 * 10**6, 10**8)]
    assert [size["batch_size"] for size in sizes] == sorted(size["batch_size"] for size in sizes)
    assert [size.get("epochs", 20) for size in sizes] == sorted(
        (size.get("epochs", 20) for size in sizes), reverse=True
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ties": 0.5}, "columns.order"),
        ({"short": 0.8}, "give no label"),
        ({"first": 0}, "time_format"),
        ({"turnover": 0.5, "last": USUAL.first + DAY}, "less than two days"),
    ],
)
def test_what_is_left_open_is_said(changed, says):
    told = list(knobs.unsure(dataclasses.replace(USUAL, **changed), has_user=True, has_order=False))
    assert len(told) == 1
    assert says in told[0]


def test_a_stream_is_said_to_be_one():
    told = list(knobs.unsure(USUAL, has_user=False, has_order=False))
    assert "No column names a user" in told[0]
    assert "session_gap" in told[1]
