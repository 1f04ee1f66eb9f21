"""Two moments part the splits."""

from __future__ import annotations

import datetime

import polars as pl
import pytest
from pydantic import ValidationError

from components.sequence_gen.splits import IS_LABEL, NEW, SPLIT
from components.sequence_gen.splits import global_time as rule
from schemas import features as f
from schemas.histories import USER

EVENTS = pl.DataFrame({USER: [1, 1, 1, 1, 1, 2, 2, 3], f.TIMESTAMP: [0, 10, 15, 20, 30, 12, 19, 25]})


def _options(**more) -> rule.Options:
    moments = {name: datetime.datetime.fromtimestamp(s / 1000) for name, s in (("valid_from", 10), ("test_from", 20))}
    utc = {name: moment.astimezone(datetime.timezone.utc) for name, moment in moments.items()}
    return rule.Options(**utc, **more)


def test_moments_part_the_splits_and_the_next_event_is_the_label():
    events = rule.assign(EVENTS, _options())
    assert events[SPLIT].to_list() == ["train", "valid", "valid", "test", "test", "valid", "valid", "test"]
    assert events[IS_LABEL].to_list() == [False, True, False, True, False, True, False, True]


def test_all_makes_each_held_out_event_a_label():
    events = rule.assign(EVENTS, _options(labels_per_user="all"))
    assert events[IS_LABEL].to_list() == [False] + [True] * 7


def test_labels_are_new_events_alone_and_every_event_is_in_the_split_of_its_time():
    new = [False, False, True, False, True, False, False, True]
    events = EVENTS.with_columns(pl.Series(NEW, new))
    marked = rule.assign(events, _options())
    assert marked[SPLIT].to_list() == rule.assign(EVENTS, _options())[SPLIT].to_list()
    assert marked[IS_LABEL].to_list() == new  # the first new one of each split
    every = rule.assign(events.with_columns(pl.lit(True).alias(NEW)), _options(labels_per_user="all"))
    assert every[IS_LABEL].to_list() == [False] + [True] * 7


def test_moment_without_a_zone_is_utc():
    options = rule.Options(valid_from="1970-01-02", test_from="1970-01-03T00:00:00+01:00")
    assert [rule.milliseconds(m) for m in (options.valid_from, options.test_from)] == [86_400_000, 169_200_000]


def test_moments_the_wrong_way_round_are_refused():
    with pytest.raises(ValidationError, match="must be before test_from"):
        rule.Options(valid_from="2020-02-01", test_from="2020-01-01")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"valid_from": "2020-01-01"},
        {"valid_days": 7},
        {"valid_from": "2020-01-01", "test_days": 7},
        {"valid_from": "2020-01-01", "test_from": "2020-02-01", "test_days": 7},
    ],
)
def test_any_other_than_one_whole_form_is_refused_with_both_forms(given):
    expected = "either valid_from and test_from, or valid_days and test_days; got " + (
        ", ".join(given) or "none of them"
    )
    with pytest.raises(ValidationError, match=expected):
        rule.Options(**given)


def test_days_of_nothing_are_refused():
    with pytest.raises(ValidationError, match="greater than 0"):
        rule.Options(valid_days=0, test_days=1)


def test_days_become_moments_and_moments_stay_without_asking_for_the_newest():
    options = rule.Options(valid_days=2, test_days=1, known="cutoff").resolved(lambda: 10 * 86_400_000)
    assert [rule.milliseconds(m) for m in (options.valid_from, options.test_from)] == [604_800_001, 777_600_001]
    assert options.until_split
    assert _options().resolved(None) == _options()


def test_part_of_a_millisecond_after_an_event_leaves_the_event_before_the_moment():
    moment = datetime.datetime(1970, 1, 1, 0, 0, 0, 20_001, tzinfo=datetime.timezone.utc)
    assert rule.milliseconds(moment) == 21


def test_unresolved_days_assign_nothing():
    with pytest.raises(ValueError, match="must be resolved"):
        rule.assign(EVENTS, rule.Options(valid_days=1, test_days=1))


@pytest.mark.parametrize("missing", f.SEQUENCE_SPLITS)
def test_advice_names_the_knobs_of_the_form_that_was_given(missing):
    assert "_from" in _options().advice(missing)
    days = rule.Options(valid_days=1, test_days=1).advice(missing)
    assert "_days" in days
    assert "_from" not in days
