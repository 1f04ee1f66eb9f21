"""A good model passes; each that can't be served is stopped, and the reason says what it did."""

import pytest
import requests

from components.model_check import check as checking
from components.model_check import server
from components.model_check.check import Right, check
from components.model_check.options import Options
from components.model_check.requests_of import hostile

HISTORIES = [["i1", "i2", "i3"], [], ["i29", "unknown"], ["i5"] * 200]
RIGHT = Right(frozenset(f"i{n}" for n in range(30)), mask_seen=True)


def test_a_good_model_passes_and_its_figures_are_kept(exported):
    report = check(str(exported), HISTORIES * 5, Options(requests=12), RIGHT)
    assert report.passed, report.reasons
    assert report.figures["requests"] == 12
    assert report.figures["hostile"] == len(hostile(["i1"]))
    assert report.figures["model_bytes"] > 10_000
    assert report.figures["memory_bytes"] > 10**8
    assert 0 < report.figures["latency_ms"] < 1000


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_latency_ms": 0.01, "max_memory_bytes": 1000}, ["max_latency_ms", "max_memory_bytes"]),
        ({"max_start_seconds": 0.5}, ["isn't ready"]),
    ],
)
def test_a_model_beyond_a_limit_is_stopped(exported, options, named):
    report = check(str(exported), HISTORIES, Options(requests=4, **options), RIGHT)
    assert not report.passed
    assert all(name in " ".join(report.reasons) for name in named)


def test_a_model_that_is_too_large_is_not_even_started(exported):
    report = check(str(exported), HISTORIES, Options(max_model_bytes=100), RIGHT)
    assert "max_model_bytes" in report.reasons[0]
    assert "start_seconds" not in report.figures


def test_a_model_that_cannot_be_loaded_is_stopped(damaged):
    report = check(str(damaged), HISTORIES, Options(), RIGHT)
    assert "can't be served" in report.reasons[0]
    assert "no model here" in report.reasons[0]


def test_a_model_whose_scores_are_no_numbers_is_stopped(broken):
    report = check(str(broken(["i1"], [float("nan")])), HISTORIES, Options(), RIGHT)
    assert "no numbers" in report.reasons[0]


def test_a_model_that_recommends_what_was_seen_or_is_nowhere_is_stopped(broken):
    report = check(str(broken(["i9", "i2", "elsewhere"], [2.0, 1.0, 0.0])), [["i1", "i2"]], Options(), RIGHT)
    assert not report.passed
    assert "A real history of 2 events: 'elsewhere' was recommended" in report.reasons[0]
    assert "an empty history: 'elsewhere' was recommended" in report.reasons[1]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, "{}", "status 500"),
        (200, "oh", "hasn't the form"),
        (200, '{"items": [{"item_id": "i1"}]}', "items.0.score"),
        (200, '{"items": [{"item_id": "i1", "score": NaN}]}', "items.0.score"),
        (200, '{"items": []}', "nothing was recommended"),
        (200, '{"items": [{"item_id": "?", "score": 1}]}', "'?' was recommended"),
        (200, '{"items": [{"item_id": "i1", "score": 1}, {"item_id": "i1", "score": 0}]}', "twice"),
        (200, '{"items": [{"item_id": "i1", "score": 0}, {"item_id": "i3", "score": 1}]}', "best doesn't come first"),
        (200, '{"items": [{"item_id": "i2", "score": 1}]}', "of the history"),
    ],
    ids=["status", "no JSON", "no score", "no number", "none", "unknown", "twice", "order", "seen"],
)
def test_each_thing_that_is_wrong_with_an_answer_has_its_words(status, body, reason):
    answer = requests.Response()
    answer.status_code, answer._content = status, body.encode()
    assert reason in checking._problem(answer, RIGHT, ["i2"])


def test_nothing_to_ask_with_is_no_pass():
    report = checking.Report()
    checking._ask_all(None, None, [], report, Options(), RIGHT)
    assert "no history of validation" in report.reasons[0]


class Silent:
    """As a server that takes requests and never answers, nor dies."""

    address, alive = "http://127.0.0.1:1", True


def test_a_server_that_falls_silent_is_not_waited_for_again_and_again():
    report = checking.Report()
    with requests.Session() as session:
        assert not checking._ask_all(session, Silent, HISTORIES, report, Options(), RIGHT)
        assert report.figures["problems"] == 1  # the first real request without an answer is the last
        checking._provoke_all(session, Silent, HISTORIES, report, RIGHT)
    assert report.figures["hostile"] == 3
    assert "Nothing more was asked" in report.reasons[-1]


def test_of_a_log_the_last_lines_are_told():
    assert server._last("\n".join(f"line {n}\n" for n in range(99))) == "\n".join(f"line {n}" for n in range(87, 99))
