"""A good model passes; each that can't be served is stopped, and the reason says what it did."""

import pytest

from components.model_check.check import check
from components.model_check.options import Options
from components.model_check.requests_of import hostile

HISTORIES = [["i1", "i2", "i3"], [], ["i29", "unknown"], ["i5"] * 200]


def test_a_good_model_passes_and_its_figures_are_kept(exported):
    report = check(str(exported), HISTORIES * 5, Options(requests=12), mask_seen=True)
    assert report.passed, report.reasons
    assert report.figures["requests"] == 12
    assert report.figures["hostile"] == len(hostile(["i1"]))
    assert report.figures["model_bytes"] > 10_000
    assert report.figures["memory_bytes"] > 10**8
    assert 0 < report.figures["latency_ms"] < 1000


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_latency_ms": 0.01}, "max_latency_ms"),
        ({"max_memory_bytes": 1000}, "max_memory_bytes"),
        ({"max_start_seconds": 0.5}, "isn't ready"),
    ],
)
def test_a_model_beyond_a_limit_is_stopped(exported, options, named):
    report = check(str(exported), HISTORIES, Options(requests=4, **options), mask_seen=True)
    assert not report.passed
    assert named in " ".join(report.reasons)


def test_a_model_that_is_too_large_is_not_even_started(exported):
    report = check(str(exported), HISTORIES, Options(max_model_bytes=100), mask_seen=True)
    assert "max_model_bytes" in report.reasons[0]
    assert "start_seconds" not in report.figures


def test_a_model_that_cannot_be_loaded_is_stopped(damaged):
    report = check(str(damaged), HISTORIES, Options(), mask_seen=True)
    assert "can't be served" in report.reasons[0]
    assert "no model here" in report.reasons[0]


def test_a_model_whose_scores_are_no_numbers_is_stopped(no_numbers):
    report = check(str(no_numbers), HISTORIES, Options(), mask_seen=True)
    assert not report.passed
    assert "no numbers" in report.reasons[0] or "can't be served" in report.reasons[0]
