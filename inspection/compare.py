"""What differs between two runs: knobs, code, data and figures."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from inspection import files, results
from inspection.results import CANDIDATE, OVERALL, TEST, VALID
from ranker import bootstrap, metrics
from schemas.contents import PER_USER_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inspection.records import Run
    from inspection.results import Results

_COLUMNS: Final = ["split", "user_id", "label", "label_timestamp", "rank"]
_PAIRED: Final = {"hr@10": metrics.hr_at_k, "ndcg@10": metrics.ndcg_at_k, "mrr@10": metrics.mrr_at_k}


@dataclasses.dataclass(frozen=True)
class Change:
    """Something that differs; None on a side: it isn't there."""

    what: str
    before: Any
    after: Any


@dataclasses.dataclass(frozen=True)
class Difference:
    """A figure of both runs.

    Args:
        what: split and metric.
        before, after: None where a run has no such figure.
        low, high: 95 % interval of after - before, by drawing users (paired); None where the runs have other labels.
    """

    what: str
    before: float | None
    after: float | None
    low: float | None = None
    high: float | None = None

    @property
    def sure(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """From run `before` to run `after`."""

    before: str
    after: str
    config: tuple[Change, ...]
    code: tuple[Change, ...]
    data: tuple[Change, ...]
    seconds: tuple[Change, ...]
    figures: tuple[Difference, ...]


def compare(before: Run, after: Run) -> Comparison:
    """All that differs, and every figure that both or either has."""
    first, second = results.of(before), results.of(after)
    return Comparison(
        before=before.line.id,
        after=after.line.id,
        config=_changes(first.config, second.config),
        code=_changes(first.code, second.code),
        data=_changes(_data(first), _data(second)),
        seconds=tuple(
            Change(name, _seconds(before, name), _seconds(after, name))
            for name in dict.fromkeys(stage.name for run in (before, after) for stage in run.stages if not stage.helper)
        ),
        figures=tuple(_figures(before, after, first, second)),
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    names = dict.fromkeys([*before, *after])
    return tuple(
        Change(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _data(found: Results) -> dict[str, Any]:
    """What tells data apart, one entry each: hashes, rows, users, items."""
    counts, sequences = found.counts or {}, found.sequences or {}
    told = {f"{each['name']} (sha256)": each.get("sha256") for each in counts.get("files", ())}
    told |= {f"rows {name}": counts[name] for name in ("read", "rejected") if name in counts}
    return told | {name: sequences[name] for name in ("users", "items", "training_interactions") if name in sequences}


def _seconds(run: Run, name: str) -> float | None:
    stage = run.stage(name)
    return None if stage is None else 0.0 if stage.cached else stage.seconds


def _figures(before: Run, after: Run, first: Results, second: Results) -> list[Difference]:
    paired = _paired(before, after)
    made = []
    for split in (TEST, VALID):
        both = [found.metrics.get(split, {}).get(CANDIDATE, {}).get(OVERALL, {}) for found in (first, second)]
        for name in dict.fromkeys([*both[0], *both[1]]):
            values = [found[name].value if name in found else None for found in both]
            low, high = paired.get((split, name), (None, None))
            made.append(Difference(f"{split} {name}", values[0], values[1], low, high))
    return made


def _paired(before: Run, after: Run) -> dict[tuple[str, str], tuple[float, float]]:
    """Intervals of differences over users, where both runs ranked the very same labels."""
    import polars as pl

    tables = []
    for run in (before, after):
        evaluation = run.output(results.EVALUATOR, "evaluation")
        found = files.read_parquet(f"{evaluation.uri}/{PER_USER_FOLDER}", _COLUMNS) if evaluation else None
        if found is None:
            return {}
        tables.append(found.filter(pl.col("rank").is_not_null()))
    on = [name for name in _COLUMNS if name != "rank"]
    joined = tables[0].join(tables[1], on=on, how="inner", suffix="_after")
    if joined.height != tables[0].height or joined.height != tables[1].height:
        return {}
    return {
        (str(split), name): (each.low, each.high)
        for (split,), rows in joined.group_by(["split"], maintain_order=True)
        for name, each in _differences(rows).items()
    }


def _differences(rows: Any) -> dict[str, bootstrap.Interval]:
    ranks = [rows[name].to_numpy().astype(np.int64) for name in ("rank", "rank_after")]
    users = np.unique(rows["user_id"].to_numpy(), return_inverse=True)[1]
    columns = np.stack([metric(ranks[1], 10) - metric(ranks[0], 10) for metric in _PAIRED.values()], axis=1)
    return dict(zip(_PAIRED, bootstrap.intervals(columns, users), strict=True))
