"""What the model's own server did when it was started and asked, before the push."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from inspection.report import words
from inspection.report.blocks import Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from inspection.report.blocks import Block
    from inspection.report.facts import Facts

TITLE = "Served before the push"
ORDER = 65
# Figure -> what it is, how it is written, and the knob that limits it.
_FIGURES: Final[dict[str, tuple[str, Callable[[Any], str], str]]] = {
    "requests": ("real requests, histories of validation", lambda value: words.number(int(value)), ""),
    "latency_ms": ("99th percentile of their latency", lambda value: f"{value:,.1f} ms", "max_latency_ms"),
    "hostile": ("requests that nobody should send", lambda value: words.number(int(value)), ""),
    "start_seconds": ("start to the first answer", words.took, "max_start_seconds"),
    "model_bytes": ("files", lambda value: f"{value / 1e6:,.1f} MB", "max_model_bytes"),
    "memory_bytes": ("peak memory", lambda value: f"{value / 1e6:,.0f} MB", "max_memory_bytes"),
    "problems": ("answers and figures that were wrong", lambda value: words.number(int(value)), ""),
}


def blocks(facts: Facts) -> list[Block]:
    """The verdict, its reasons and its figures; nothing of a run without such a check."""
    checked = facts.results.checked
    if checked is None:
        return []
    passed = bool(checked.get("passed"))
    reasons = [Paragraph(str(reason), "bad") for reason in checked.get("reasons", ())]
    verdict = "A server of the model was started, asked, and did as it should." if passed else (
        "Not pushed: a server of the model was started and asked, and did not do as it should."
    )  # fmt: skip
    rows = tuple(
        (what, write(checked["figures"][name]), _limit(facts, knob, write))
        for name, (what, write, knob) in _FIGURES.items()
        if name in checked.get("figures", {})
    )
    return [
        Paragraph(verdict, "good" if passed else "bad"),
        *reasons,
        Table("What was asked and seen", ("what", "seen", "limit"), rows),
    ]


def _limit(facts: Facts, knob: str, write: Callable[[Any], str]) -> str:
    limit = facts.results.config.get(f"model_check.{knob}") if knob else None
    return words.NONE if limit is None else write(limit)
