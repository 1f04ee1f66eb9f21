"""The rules of the gate, and the words in which it refuses."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from schemas.errors import GateRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.data_gate.options import Options
    from schemas.records import DataSummary, TableSummary

SHOWN = 5  # anomalies or kinds of rejected rows that a message has; then how many more
_A_YEAR_ON = 366 * 86_400_000  # ms


@dataclasses.dataclass(frozen=True)
class Sample:
    """The first rejected row of a reason."""

    file: str
    line: int
    reason: str
    text: str


@dataclasses.dataclass(frozen=True)
class Problem:
    """One ground for refusing: what it is, the evidence, and what to do."""

    what: str
    evidence: tuple[str, ...]
    next_step: str


def warnings(summary: DataSummary) -> list[str]:
    """What the gate lets pass, and a person should know."""
    said = []
    if summary.users == 1 and not (summary.sessions or 0) > 1:
        said.append("there is a single user: nothing can be learnt from what others did.")
    if summary.users_with_one_event:
        of_users = f"{summary.users_with_one_event:,} of {summary.users:,} users"
        said.append(f"{of_users} have one event: no label comes of them.")
    if summary.last_time is not None and summary.last_time < _A_YEAR_ON:
        said.append("all times lie in 1970: right if they are mere positions, else see example_gen.time_format.")
    return said


def problems(
    summary: DataSummary,
    options: Options,
    mask_seen: bool,
    samples: Sequence[Sample],
    rejected_uri: str,
    anomalies_uri: str,
) -> list[Problem]:
    """Every ground there is for refusing; none: the data pass."""
    found = [
        rejected(summary, options.max_rejected, samples, rejected_uri),
        _nothing_to_learn(summary),
        anomalies(summary, anomalies_uri),
        _unreachable(summary, options) if mask_seen else None,
    ]
    return [problem for problem in found if problem]


def refusal(found: Sequence[Problem]) -> GateRefused:
    """One error out of one or several problems."""
    if len(found) == 1:
        only = found[0]
        return GateRefused(only.what, why="\n".join(only.evidence), next_step=only.next_step)
    lines = [line for problem in found for line in (problem.what, *(f"  {evidence}" for evidence in problem.evidence))]
    return GateRefused(
        f"nothing trains on these data, for {len(found)} reasons.",
        why="\n".join(lines),
        next_step=" ".join(problem.next_step for problem in found),
    )


def rejected(
    summary: DataSummary | TableSummary, limit: float, samples: Sequence[Sample], uri: str, key: str = "example_gen"
) -> Problem | None:
    """Too many rows that can't be used, or none that can; `key`: of the configuration, under which they are read."""
    if summary.used and summary.rejected_share <= limit:
        return None
    share = f"{percent(summary.rejected_share)}; the limit is {percent(limit)}, data_gate.max_rejected"
    what = f"{summary.rejected:,} of {summary.read:,} rows can't be used ({share})."
    other_time = any(" of seconds" in s.reason or " of milliseconds" in s.reason or "ISO" in s.reason for s in samples)
    steps = ["mend the rows", *([f"set {key}.time_format if times have another form"] if other_time else [])]
    steps.append("raise the limit" if summary.used else f"see {key}.columns and {key}.delimiter")
    return Problem(what, (*_shown(summary, samples), f"All of them: {uri}/rejected.csv"), f"{', or '.join(steps)}.")


def _shown(summary: DataSummary | TableSummary, samples: Sequence[Sample]) -> list[str]:
    first = samples[:SHOWN]
    lines = [f"{s.file}:{s.line}: {s.reason} ({_times(summary.reasons[s.reason])}): {s.text[:80]!r}" for s in first]
    more = summary.rejected - sum(summary.reasons[s.reason] for s in first)
    return lines + ([f"and {more:,} more, for {len(summary.reasons) - SHOWN:,} other reasons"] if more > 0 else [])


def _nothing_to_learn(summary: DataSummary) -> Problem | None:
    if not summary.used:
        return None
    if summary.items == 1:
        return Problem(
            "there is a single item: nothing can be ranked.",
            (f"{summary.used:,} usable rows name it.",),
            "see that example_gen.columns.item names the right column.",
        )
    if summary.labels == 0:
        users, wrong = f"{summary.users:,} users.", "see that example_gen.columns.user names the right column"
        if summary.sessions is None:
            return Problem("every user has one event: nothing follows anything.", (users,), f"{wrong}.")
        return Problem(
            "every session has one event: nothing follows anything.",
            (f"{summary.sessions:,} sessions of {users}",),
            f"{wrong}, or raise sequence_gen.session_gap.",
        )
    return None


def anomalies(summary: DataSummary | TableSummary, uri: str, schema: str = "interactions.pbtxt") -> Problem | None:
    """Anomalies of a refused kind; `schema`: the file of the folder schemas that they contradict."""
    refused = [a for a in summary.anomalies if a.refused and (summary.used or a.feature)]
    if not refused:
        return None
    lines = [f"{a.feature or 'the data'}: {a.kind}: {a.what}" for a in refused[:SHOWN]]
    lines += [f"and {len(refused) - SHOWN:,} more"] if len(refused) > SHOWN else []
    count = "1 anomaly" if len(refused) == 1 else f"{len(refused)} anomalies"
    return Problem(
        f"{count} of a kind that data_gate.refuse_anomalies names.",
        (*lines, f"All of them: {uri}"),
        f"mend the data, or change what is expected in schemas/{schema}.",
    )


def _unreachable(summary: DataSummary, options: Options) -> Problem | None:
    if summary.unreachable_share <= options.max_unreachable:
        return None
    return Problem(
        f"{percent(summary.unreachable_share)} of labels repeat an item of their history, and could never be hit; "
        f"the limit is {percent(options.max_unreachable)} (data_gate.max_unreachable).",
        (f"{summary.repeated_labels:,} of {summary.labels:,} labels, while seen items are masked.",),
        "set sequence_gen.mask_seen: false where people come back to items, or sequence_gen.repeats: drop.",
    )


def percent(share: float) -> str:
    """A share for people; a small one is never shown as none."""
    return f"{100 * share:.2f} %" if share == 0 or share >= 1e-4 else f"{100 * share:.2g} %"


def _times(rows: int) -> str:
    return "1 row like it" if rows == 1 else f"{rows:,} rows like it"
