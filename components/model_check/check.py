"""The check itself: a folder and histories in, figures and reasons out."""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from typing import TYPE_CHECKING, Any, Final

import requests
from pydantic import BaseModel, FiniteFloat, ValidationError

from components.model_check.requests_of import hostile
from components.model_check.server import Server, StartError, started
from schemas import stores

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from components.model_check.options import Options

_PATIENCE: Final = 30.0  # seconds for one answer
_UNANSWERED: Final = 3  # requests in a row, after which nothing more is asked
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


class _Item(BaseModel):
    item_id: str
    score: FiniteFloat


class _Answer(BaseModel):
    """What a right request gets."""

    items: list[_Item]


@dataclasses.dataclass(frozen=True)
class Right:
    """What an answer must keep to.

    Args:
        known: item ids of the catalogue.
        mask_seen: items of the history must be no answers.
    """

    known: Container[str]
    mask_seen: bool


def check(model: str, histories: Iterable[Sequence[str]], options: Options, right: Right) -> Report:
    """Starts a server of the model, asks it, and ends it.

    Args:
        model: folder of the SavedModel, local or a URL.
        histories: real ones; options.requests of them are taken. None at all is a reason to stop the model.
        options: limits.
        right: what answers are held against.
    """
    report = Report()
    report.limit("model_bytes", _size(model), options.max_model_bytes, "The model's files are too large")
    if not report.passed:
        return report
    try:
        with started(model, options.max_start_seconds) as server, requests.Session() as session:
            report.figures["start_seconds"] = round(server.seconds, 1)
            asked = list(itertools.islice(histories, options.requests))
            if _ask_all(session, server, asked, report, options, right):
                _provoke_all(session, server, asked, report, right)
            if peak := server.peak_bytes():
                report.limit("memory_bytes", peak, options.max_memory_bytes, "It takes too much memory")
            elif options.max_memory_bytes is not None:
                report.fail("Its memory can't be read on this system, and there is a limit (max_memory_bytes).")
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
    right: Right,
) -> bool:
    """Real requests, one after the other; False: it is of no use to ask more."""
    if not histories:
        report.fail("There is no history of validation to ask it with.")
    latencies: list[float] = []
    for history in histories:
        began = time.perf_counter()
        answer = _post(session, server, "/recommend", json={"history": list(history)[-1000:], "k": _K})
        latencies.append(1000 * (time.perf_counter() - began))
        wrong = _problem(answer, right, history if right.mask_seen else ())
        if wrong:
            report.fail(f"A real history of {len(history)} events: {wrong}")
        if answer is None:
            return False
    report.figures["requests"] = len(latencies)
    if latencies:
        ordered = sorted(latencies)
        at = ordered[math.ceil(0.99 * len(ordered)) - 1]
        words = "It is too slow, 99th percentile in milliseconds" if len(ordered) >= 100 else "Its slowest is too slow"
        report.limit("latency_ms", at, options.max_latency_ms, words)
    return True


def _provoke_all(
    session: requests.Session, server: Server, histories: list[Sequence[str]], report: Report, right: Right
) -> None:
    silent = 0
    for told in hostile(next((history for history in histories if history), [])):
        answer = _post(session, server, told.path, data=told.content)
        report.figures["hostile"] = report.figures.get("hostile", 0) + 1
        if not server.alive:
            report.fail(f"{told.name}: the process died.")
            return
        if answer is None:
            report.fail(f"{told.name}: no answer came.")
        elif answer.status_code >= 500 or (told.refused and answer.status_code < 400):
            report.fail(f"{told.name}: status {answer.status_code}.")
        elif answer.ok and (wrong := _problem(answer, right, (), may_be_none=True)):
            report.fail(f"{told.name}: {wrong}")
        silent = silent + 1 if answer is None else 0
        if silent == _UNANSWERED:
            report.fail(f"Nothing more was asked after {silent} requests without an answer.")
            return


def _post(session: requests.Session, server: Server, path: str, **body: Any) -> requests.Response | None:
    """None: no answer came."""
    try:
        return session.post(server.address + path, timeout=_PATIENCE, **body)
    except requests.RequestException:
        return None


def _problem(
    answer: requests.Response | None, right: Right, masked: Sequence[str], *, may_be_none: bool = False
) -> str | None:
    """What is wrong with the answer to a request that is right."""
    if answer is None:
        return "no answer came."
    if answer.status_code != 200:
        return f"status {answer.status_code}: {answer.text[:200]}"
    try:
        items = _Answer.model_validate_json(answer.content).items
    except ValidationError as error:  # scores that are no finite number among it
        first = error.errors()[0]
        return f"the answer hasn't the form of one: {'.'.join(map(str, first['loc']))}: {first['msg']}."
    ids = [item.item_id for item in items]
    unknown = [item for item in ids if item not in right.known]
    if not ids and not may_be_none:
        return "nothing was recommended."
    if unknown:
        return f"{unknown[0]!r} was recommended, which the training data doesn't know."
    if len(set(ids)) < len(ids):
        return "an item was recommended twice."
    if any(low.score > high.score for high, low in itertools.pairwise(items)):
        return "the best doesn't come first."
    if not set(ids).isdisjoint(masked):
        return "an item of the history was recommended."
    return None
