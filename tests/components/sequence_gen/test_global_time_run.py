"""global_time through the whole stage: days before the newest event, cut-offs, strangers, and what it refuses."""

from __future__ import annotations

import datetime

import pytest

from schemas import features as f
from schemas.errors import DataError

DAY = 86_400_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def _days(users: dict[str, list[float]]) -> dict[str, list]:
    """One event a number, that many days after 1970; its item is named after it."""
    events = [(user, f"{day:g}", int(day * DAY)) for user, days in users.items() for day in days]
    columns = zip(*events, strict=True)
    named = dict(zip((f.USER_ID, f.ITEM_ID, f.TIMESTAMP), map(list, columns), strict=True))
    return named | {f.TIE: list(range(len(events)))}


def _labels(ran, split: str) -> dict[tuple[str, str], list[str]]:
    """History of each (user, label)."""
    return {
        (row[f.USER_ID][0].decode(), row[f.LABEL][0].decode()): [item.decode() for item in row.get(f.HISTORY) or []]
        for row in ran.rows(split)
    }


def test_days_count_back_from_the_newest_event_which_is_the_last_moment_of_test(tmp_path, run):
    # The newest event is at 10: test is (9, 10], validation (7, 9], whoever's events they are.
    columns = _days({"ann": [1, 2, 7, 7.5, 9, 9.5], "bob": [1, 8, 10]})
    ran = run(tmp_path, columns, split={"name": "global_time", "valid_days": 2, "test_days": 1}, files=3)
    assert _labels(ran, f.VALID) == {("ann", "7.5"): ["1", "2", "7"], ("bob", "8"): ["1"]}
    assert _labels(ran, f.TEST) == {("ann", "9.5"): ["1", "2", "7", "7.5", "9"], ("bob", "10"): ["1", "8"]}
    last_of_valid = EPOCH + datetime.timedelta(days=9)
    assert ran.report.test_from == last_of_valid + datetime.timedelta(milliseconds=1)
    assert ran.report.valid_from == ran.report.test_from - datetime.timedelta(days=2)


def test_days_and_the_moments_that_the_report_names_give_the_same_sequences(tmp_path, run):
    columns = _days({"ann": [1, 2, 7, 7.5, 9, 9.5], "bob": [1, 8, 10]})
    days = run(tmp_path / "days", columns, split={"name": "global_time", "valid_days": 2, "test_days": 1})
    moments = {name: str(getattr(days.report, name)) for name in ("valid_from", "test_from")}
    same = run(tmp_path / "moments", columns, split={"name": "global_time", **moments})
    assert all(days.rows(split) == same.rows(split) for split in f.SEQUENCE_SPLITS)
    assert days.report == same.report


def test_event_exactly_at_a_moment_belongs_to_the_later_split(tmp_path, run):
    split = {"name": "global_time", "valid_from": "1970-01-03", "test_from": "1970-01-04"}
    ran = run(tmp_path, _days({"ann": [1, 1.999, 2, 2.999, 3]}), split=split)
    assert _labels(ran, f.VALID) == {("ann", "2"): ["1", "1.999"]}
    assert _labels(ran, f.TEST) == {("ann", "3"): ["1", "1.999", "2", "2.999"]}
    assert ran.counts["item_id"].to_pylist() == ["1", "1.999"]


@pytest.mark.parametrize(("labels_per_user", "known"), [("next", "label"), ("all", "cutoff")])
def test_strangers_are_examples_with_an_empty_history_and_train_nothing(tmp_path, run, labels_per_user, known):
    split = {"name": "global_time", "valid_from": "1970-01-03", "test_from": "1970-01-05"}
    columns = _days({"ann": [1, 2, 4], "new": [3, 3.5, 4.5], "newer": [5]})
    ran = run(tmp_path, columns, split=split | {"labels_per_user": labels_per_user, "known": known})
    strangers = {
        (row[f.USER_ID][0], row[f.LABEL][0])
        for name in (f.VALID, f.TEST)
        for row in ran.rows(name)
        if row[f.HISTORY_LENGTH] == [b"0"]
    }
    everyone = {(b"new", b"3"), (b"newer", b"5")}
    more = {(b"new", b"3.5")} if known == "cutoff" else set()
    assert strangers == everyone | more
    empty = next(row for row in ran.rows(f.VALID) if row[f.USER_ID] == [b"new"])
    assert not empty.get(f.HISTORY)
    assert not empty.get(f.SEEN)
    assert {row[f.USER_ID][0] for row in ran.rows(f.TRAIN)} == {b"ann"}
    assert ran.report.users_without_training == 2


def test_cutoff_knows_only_what_came_before_the_split_and_so_do_repeats_and_seen(tmp_path, run):
    split = {"name": "global_time", "valid_from": 0.03, "test_from": 0.05, "labels_per_user": "all", "known": "cutoff"}
    letters = "abcdedbe"  # validation d, e; test d, b, e
    columns = {
        f.USER_ID: ["ann"] * 8, f.ITEM_ID: list(letters), f.TIMESTAMP: [10 * n for n in range(8)], f.TIE: [0] * 8
    }  # fmt: skip
    ran = run(tmp_path, columns, window=2, split=split)
    assert [row[f.HISTORY] for row in ran.rows(f.VALID)] == [[b"b", b"c"]] * 2
    test = ran.rows(f.TEST)
    assert [row[f.HISTORY] for row in test] == [[b"d", b"e"]] * 3
    assert [row[f.SEEN] for row in test] == [[b"a", b"b", b"c"]] * 3
    assert [row[f.LABEL_REPEATS] for row in test] == [[1], [1], [1]]
    assert [row[f.LABEL_REPEATS] for row in ran.rows(f.VALID)] == [[0], [0]]
    assert [row[f.LABEL_TIMESTAMP] for row in test] == [[50], [60], [70]]


@pytest.mark.parametrize(
    ("split", "says"),
    [
        ({"valid_from": "1970-01-04T12:00", "test_from": "1970-01-04T18:00"}, "validation.*move valid_from earlier"),
        ({"valid_from": "1970-01-03", "test_from": "1971-01-01"}, "not even a test label.*move test_from earlier"),
        ({"valid_days": 7, "test_days": 30}, "not even an interaction.*lower valid_days or test_days"),
    ],
)
def test_empty_split_says_which_moment_to_change_and_what_the_log_spans(tmp_path, run, split, says):
    columns = _days({"ann": [1, 2, 4, 5.5], "bob": [3, 5]})
    with pytest.raises(DataError, match=f"(?s){says}") as error:
        run(tmp_path, columns, split={"name": "global_time", **split})
    assert "from 1970-01-02 00:00:00+00:00 to 1970-01-06 12:00:00+00:00" in error.value.why
    assert "Validation begins at" in error.value.why


def test_days_that_reach_before_the_calendar_are_refused(tmp_path, run):
    with pytest.raises(DataError, match=r"(?s)there is no date.*valid_from and test_from"):
        run(tmp_path, _days({"ann": [1, 2, 3]}), split={"name": "global_time", "valid_days": 1, "test_days": 1e6})
