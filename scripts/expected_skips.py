"""A pytest plugin for CI: a skip that .ci/expected-skips.txt doesn't list fails the run.

    pytest -p scripts.expected_skips

A test that skips itself where something is missing would otherwise be green for ever where it should have run.
"""

from __future__ import annotations

import fnmatch
import pathlib

import pytest

LIST = pathlib.Path(__file__).resolve().parent.parent / ".ci" / "expected-skips.txt"


def patterns(text: str) -> list[str]:
    """The list's entries: one shell pattern a line for `test id: reason`; # begins a comment."""
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def unexpected(skips: list[str], expected: list[str]) -> list[str]:
    """Those of `skips` ("test id: reason") that match none of the patterns."""
    return [skip for skip in skips if not any(fnmatch.fnmatchcase(skip, pattern) for pattern in expected)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turns a pass into a failure where a skip isn't listed, and names it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    surprises = unexpected([_line(report) for report in reporter.stats.get("skipped", [])], patterns(LIST.read_text()))
    for skip in surprises:
        reporter.write_line(f"\nUNEXPECTED SKIP ({LIST.name} doesn't list it): {skip}", red=True)
    if surprises and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _line(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"{report.nodeid}: {reason.removeprefix('Skipped: ')}"
