"""What stages leave in their artifacts, made up for runs of made_runs.py: for tests and benchmarks of `inspection`."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from schemas import contents

if TYPE_CHECKING:
    from inspection.records import Run

WHY: Final = "Blessed: ndcg@10 on validation is 0.1519, 3.76 times the most-popular baseline's 0.0404."
_CUTS: Final = (1, 5, 10, 20)


def write(run: Run, *, users: int = 20, seed: int = 0, file: str = "logs/day-1.csv", blessed: bool = True) -> None:
    """Writes the files of one run whose stages all ended, over what is there.

    Args:
        run: with artifacts on this machine.
        users: of validation and test each.
        seed: of the ranks; runs with the same users have the same labels, whatever the seed.
        file: the data file that the run read.
        blessed: the verdict.
    """
    told = {"name": file, "size": 100, "sha256": "ab" * 32, "read": 100, "rejected": 3}
    counts = {"read": 100, "used": 97, "rejected": 3, "reasons": {"bad time": 3}, "files": [told]}
    _json(run, "InteractionExampleGen", "rejected", contents.READ_COUNTS_FILE, counts)
    _json(run, "DataGate", "report", contents.DATA_REPORT_FILE, {"read": 100, "rejected": 3, "warnings": []})
    ranks = np.random.default_rng(seed).integers(1, 40, size=(2, users))
    evaluation = _folder(run, "Evaluator", "evaluation")
    if evaluation is not None:
        _evaluation(evaluation, ranks, blessed)
    training = {"epochs": 2, "best_epoch": 1, "positions_per_second": 9.5, "history": [{"loss": 2.0}, {"loss": 1.0}]}
    _json(run, "Trainer", "model_run", contents.TRAINING_FILE, training)


def _evaluation(folder: pathlib.Path, ranks: np.ndarray, blessed: bool) -> None:
    metrics = {}
    for split, found in zip(("valid", "test"), ranks, strict=True):
        values = {f"hr@{k}": float(np.mean(found <= k)) for k in _CUTS}
        values |= {f"ndcg@{k}": float(np.mean(np.where(found <= k, 1 / np.log2(1 + found), 0))) for k in _CUTS}
        candidate = {
            name: {"value": value, "low": value - 0.01, "high": value + 0.01} for name, value in values.items()
        }
        candidate["coverage@10"] = {"value": 0.5, "low": None, "high": None}
        popularity = {name: {**each, "value": each["value"] / 2} for name, each in candidate.items()}
        metrics[split] = {"candidate": {"overall": candidate}, "popularity": {"overall": popularity}}
    _write(folder / contents.METRICS_FILE, metrics)
    check = {"name": "beats_popularity", "passed": blessed, "why": WHY, "figures": {"candidate": 0.15}}
    _write(folder / contents.BLESSING_FILE, {"blessed": blessed, "why": WHY, "checks": [check]})
    (folder / contents.PER_USER_FOLDER).mkdir(exist_ok=True)
    count = ranks.shape[1]
    rows = pl.DataFrame(
        {
            "split": ["valid"] * count + ["test"] * count,
            "user_id": [f"u{user}" for user in range(count)] * 2,
            "label": [f"i{user % 7}" for user in range(count)] * 2,
            "label_timestamp": list(range(count)) * 2,
            "rank": ranks.reshape(-1),
        }
    )
    rows.write_parquet(folder / contents.PER_USER_FOLDER / "rows-00000-of-00001.parquet")


def _json(run: Run, stage: str, key: str, name: str, value: dict[str, Any]) -> None:
    folder = _folder(run, stage, key)
    if folder is not None:
        _write(folder / name, value)


def _folder(run: Run, stage: str, key: str) -> pathlib.Path | None:
    """Folder of an output, made where it isn't there; None where the run has no such output."""
    found = run.stage(stage)
    artifact = found.output(key) if found else None
    if artifact is None:
        return None
    folder = pathlib.Path(artifact.uri)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: pathlib.Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
