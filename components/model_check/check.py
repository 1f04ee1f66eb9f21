"""The check itself: a folder and histories in, figures and reasons out."""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from typing import TYPE_CHECKING, Any, Final

import requests

from components.model_check.requests_of import hostile
from components.model_check.server import Server, StartError, started
from schemas import stores

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from components.model_check.options import Options
    from components.model_check.requests_of import Hostile

_PATIENCE: Final = 60.0  # seconds for one answer
_MOST_REASONS: Final = 10
_K: Final = 100


@dataclasses.dataclass
class Report:
    """What was seen.

    Args:
        reasons: why the model must not be pushed; none: it may.
        figures: bytes, seconds, milliseconds and counts.
    """

    reasons: list[str] = dataclasses.field(default_factory=list)
    figures: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the model may be pushed."""
        return not self.reasons

    def fail(self, reason: str) -> None:
        """One reason more; beyond ten they are counted alone."""
        if len(self.reasons) < _MOST_REASONS:
            self.reasons.append(reason)
        self.figures["problems"] = self.figures.get("problems", 0) + 1

    def limit(self, name: str, value: float, most: float | None, words: str) -> None:
        """Notes a figure, and fails where it is beyond its limit."""
        self.figures[name] = value
        if most is not None and value > most:
            self.fail(f"{words}: {value:,.0f}, and {most:,.0f} are the limit (model_check.max_{name}).")


def check(model: str, histories: Iterable[Sequence[str]], options: Options, *, mask_seen: bool) -> Report:
    """Starts a server of the model, asks it, and ends it.

    Args:
        model: folder of the SavedModel, local or a URL.
        histories: real ones; options.requests of them are taken.
        options: limits.
        mask_seen: items of the history must be no answers.
    """
    report = Report()
    report.limit("model_bytes", _size(model), options.max_model_bytes, "The model's files are too large")
    if not report.passed:
        return report
    try:
        with started(model, options.max_start_seconds) as server, requests.Session() as session:
            report.figures["start_seconds"] = round(server.seconds, 1)
            asked = list(itertools.islice(histories, options.requests))
            _ask_all(session, server, asked, report, options, mask_seen=mask_seen)
            for each in hostile(next((history for history in asked if history), [])):
                _provoke(session, server, each, report)
            report.limit("memory_bytes", server.peak_bytes(), options.max_memory_bytes, "It takes too much memory")
    except StartError as error:
        report.fail(f"The model can't be served. {error}")
    return report


def _size(model: str) -> int:
    system, root = stores.url_to_fs(model)
    return sum(info["size"] for info in system.find(root, detail=True).values())


def _ask_all(
    session: requests.Session,
    server: Server,
    histories: list[Sequence[str]],
    report: Report,
    options: Options,
    *,
    mask_seen: bool,
) -> None:
    """Real requests, one after the other."""
    latencies = []
    for history in histories:
        began = time.perf_counter()
        answer = _post(session, server, "/recommend", json={"history": list(history)[-1000:], "k": _K})
        latencies.append(1000 * (time.perf_counter() - began))
        wrong = _problem(answer, history if mask_seen else ())
        if wrong:
            report.fail(f"A real history of {len(history)} events: {wrong}")
        if answer is None:
            return
    report.figures["requests"] = len(latencies)
    if latencies:
        ordered = sorted(latencies)
        at = ordered[min(math.ceil(0.99 * len(ordered)), len(ordered)) - 1]
        report.limit("latency_ms", at, options.max_latency_ms, "It is too slow, 99th percentile in milliseconds")


def _post(session: requests.Session, server: Server, path: str, **body: Any) -> requests.Response | None:
    """None: no answer came."""
    try:
        return session.post(server.address + path, timeout=_PATIENCE, **body)
    except requests.RequestException:
        return None


def _problem(answer: requests.Response | None, masked: Sequence[str]) -> str | None:
    """What is wrong with the answer to a request that is right."""
    if answer is None:
        return "no answer came."
    if answer.status_code != 200:
        return f"status {answer.status_code}: {answer.text[:200]}"
    items = answer.json()["items"]
    ids, scores = [item["item_id"] for item in items], [item["score"] for item in items]
    if not ids:
        return "nothing was recommended."
    if len(set(ids)) < len(ids):
        return "an item was recommended twice."
    if not all(isinstance(score, float) and math.isfinite(score) for score in scores):
        return "a score is no finite number."
    if any(low > high for high, low in itertools.pairwise(scores)):
        return "the best doesn't come first."
    if not set(ids).isdisjoint(masked):
        return "an item of the history was recommended."
    return None


def _provoke(session: requests.Session, server: Server, told: Hostile, report: Report) -> None:
    answer = _post(session, server, told.path, data=told.content)
    if not server.alive:
        report.fail(f"{told.name}: the process died.")
    elif answer is None:
        report.fail(f"{told.name}: no answer came.")
    elif answer.status_code >= 500 or (told.refused and answer.status_code < 400):
        report.fail(f"{told.name}: status {answer.status_code}.")
    report.figures["hostile"] = report.figures.get("hostile", 0) + 1
