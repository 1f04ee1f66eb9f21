"""What a search leaves: its best values for the Trainer, and a table of all trials for people."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

import fsspec
import polars as pl

from components.tuner.search import BEST_EPOCH, SECONDS, TRAINED
from ranker.hyperparameters import of_keras_tuner
from schemas.contents import HYPERPARAMETERS_FILE, TRIALS_FILE, TUNER_RESULTS_FILE
from schemas.errors import ModelError

if TYPE_CHECKING:
    from keras_tuner.engine.trial import Trial

    from components.tuner.search import Search

_log = logging.getLogger(__name__)
COMPLETED: Final = "COMPLETED"
_REPORTED: Final = (BEST_EPOCH, TRAINED, SECONDS)


def write(search: Search, best: str, results: str) -> None:
    """Writes both.

    Args:
        search: that has ended.
        best: folder for KerasTuner's get_config() of the best trial.
        results: folder for the table, as JSON and as Parquet.
    Raises: ModelError: no trial could be trained.
    """
    trials = ranked(search)
    if not trials or trials[0].status != COMPLETED:
        raise ModelError(
            "No trial of the search could be trained.",
            why=_last_line(trials[0].message) if trials else "There was none to try.",
            next_step="Narrow tuner.space: a learning rate or a width that can't work, most of all.",
        )
    metric = search.oracle.objective.name
    rows = [row(trial, metric) for trial in trials]
    knobs = of_keras_tuner(trials[0].hyperparameters.get_config())
    _log.info("Best of %d trials: %s %.4f with %s", len(trials), metric, trials[0].score, knobs)
    _write_text(f"{best.rstrip('/')}/{HYPERPARAMETERS_FILE}", json.dumps(trials[0].hyperparameters.get_config()))
    _write_text(f"{results.rstrip('/')}/{TUNER_RESULTS_FILE}", json.dumps(rows, indent=2))
    with fsspec.open(f"{results.rstrip('/')}/{TRIALS_FILE}", "wb", auto_mkdir=True) as file:
        pl.DataFrame(rows, infer_schema_length=None, strict=False).write_parquet(file)


def ranked(search: Search) -> list[Trial]:
    """All trials, the best first; of equal ones the earlier; those that failed last."""
    upwards = search.oracle.objective.direction == "min"

    def place(trial: Trial) -> tuple[bool, float, str]:
        failed = trial.status != COMPLETED
        return failed, 0.0 if failed else trial.score * (1 if upwards else -1), trial.trial_id

    return sorted(search.oracle.trials.values(), key=place)


def row(trial: Trial, metric: str) -> dict[str, Any]:
    """One trial in the table: its id, what came of it, and the knobs under their paths."""
    said = {name: trial.metrics.get_last_value(name) if trial.metrics.exists(name) else None for name in _REPORTED}
    return {
        "trial": trial.trial_id,
        "status": trial.status,
        metric: trial.score,
        BEST_EPOCH: None if said[BEST_EPOCH] is None else int(said[BEST_EPOCH]),
        TRAINED: None if said[TRAINED] is None else int(said[TRAINED]),
        SECONDS: None if said[SECONDS] is None else round(said[SECONDS], 2),
        **of_keras_tuner(trial.hyperparameters.get_config()),
        "why": _last_line(trial.message) if trial.message else None,
    }


def _last_line(message: str) -> str:
    """Of a traceback, what was said."""
    return next((line.strip() for line in reversed(message.splitlines()) if "Error" in line), message.strip())


def _write_text(path: str, text: str) -> None:
    with fsspec.open(path, "wt", encoding="utf-8", auto_mkdir=True) as file:
        file.write(text + "\n")
