"""The section on the check before the push, without a run."""

import types

import pytest

from inspection.report.blocks import Paragraph, Table
from inspection.report.sections.model_check import blocks

FIGURES = {"requests": 200, "latency_ms": 12.09, "hostile": 17, "model_bytes": 6_616_645}
CONFIG = {"model_check.max_latency_ms": 10.0, "model_check.max_model_bytes": 8 << 30}


def section(checked):
    return blocks(types.SimpleNamespace(results=types.SimpleNamespace(checked=checked, config=CONFIG)))


def test_a_run_without_the_check_says_nothing():
    assert section(None) == []


@pytest.mark.parametrize("reasons", [[], ["It is too slow.", "No answer came."]])
def test_verdict_reasons_and_figures_beside_their_limits(reasons):
    verdict, *why, table = section({"passed": not reasons, "reasons": reasons, "figures": FIGURES})
    assert verdict.mood == ("bad" if reasons else "good")
    assert why == [Paragraph(reason, "bad") for reason in reasons]
    assert isinstance(table, Table)
    assert ("99th percentile of their latency", "12.1 ms", "10.0 ms") in table.rows
    assert ("files", "6.6 MB", "8,589.9 MB") in table.rows
    assert len(table.rows) == len(FIGURES)
