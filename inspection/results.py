"""What came of a run: figures, verdict, training, data and configuration, from what its stages left."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from inspection import files
from schemas import contents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inspection.records import Artifact, Run, Stage

EXAMPLE_GEN, GATE, SEQUENCES, TRAINER = "InteractionExampleGen", "DataGate", "SequenceGen", "Trainer"
EVALUATOR, MODEL_CHECK, PUSHER = "Evaluator", "ModelCheck", "Pusher"
# What tables and pages show of all metrics, in this order; those that a head hasn't are left out.
SHOWN: Final = ("hr@10", "ndcg@10", "mrr@10", "coverage@10", "rmse", "mae", "auc", "log_loss")
CANDIDATE, OVERALL, TEST, VALID = "candidate", "overall", "test", "valid"
# Stages whose options are a section of the configuration.
_SECTIONS: Final = {
    EXAMPLE_GEN: "example_gen",
    "ItemExampleGen": "items",
    "UserExampleGen": "users",
    GATE: "data_gate",
    SEQUENCES: "sequence_gen",
    "Transform": "transform",
    "Tuner": "tuner",
    TRAINER: "trainer",
    EVALUATOR: "evaluator",
    MODEL_CHECK: "model_check",
    PUSHER: "pusher",
    "BatchRecommender": "batch_recommender",
}
_ON_THEIR_OWN: Final = ("data", "window", "epochs", "target")  # knobs that are properties of their own
_CODE, _OPTIONS = "code_version", "options"


@dataclasses.dataclass(frozen=True)
class Metric:
    """A figure and its 95 % interval, where it has one."""

    value: float
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class Results:
    """What came of a run. What isn't there (yet, or any more) is None or empty.

    Args:
        blessed, why: the Evaluator's verdict.
        checks: its parts: {"name", "passed", "why", "figures"}.
        metrics: split -> model (candidate, popularity, baseline, …) -> slice -> metric.
        training: training.json: epochs, best_epoch, history, positions_per_second, hyperparameters …
        counts: what was read of the log: rows, rejected, reasons, files with their hashes.
        gate, sequences: data.json and sequences.json.
        checked: model_check.json: whether a server of the model did as it should; None: nobody looked.
        pushed: where the model is served from; None: nowhere.
        config: knobs by stage, flattened: "trainer.model.dropout".
        code: digests of each stage's code.
    """

    blessed: bool | None
    why: str
    checks: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Metric]]]]
    training: Mapping[str, Any] | None
    counts: Mapping[str, Any] | None
    gate: Mapping[str, Any] | None
    sequences: Mapping[str, Any] | None
    checked: Mapping[str, Any] | None
    pushed: str | None
    config: Mapping[str, Any]
    code: Mapping[str, str]

    @property
    def stopped(self) -> str:
        """Why a good model wasn't pushed all the same; "": nothing kept it."""
        if self.checked is None or self.checked.get("passed"):
            return ""
        return f"Not pushed: {' '.join(map(str, self.checked.get('reasons', ())))}"

    def figure(self, metric: str, split: str = TEST, model: str = CANDIDATE) -> Metric | None:
        """A metric over all examples of a split."""
        return self.metrics.get(split, {}).get(model, {}).get(OVERALL, {}).get(metric)


def of(run: Run) -> Results:
    """Reads what there is."""
    evaluation = run.output(EVALUATOR, "evaluation")
    verdict = _json(evaluation, contents.BLESSING_FILE) or {}
    pushed = run.output(PUSHER, "pushed_model")
    return Results(
        blessed=verdict.get("blessed"),
        why=verdict.get("why", ""),
        checks=tuple(verdict.get("checks", ())),
        metrics=_metrics(_json(evaluation, contents.METRICS_FILE) or {}),
        training=_json(run.output(TRAINER, "model_run"), contents.TRAINING_FILE),
        counts=_json(run.output(EXAMPLE_GEN, "rejected"), contents.READ_COUNTS_FILE),
        gate=_json(run.output(GATE, "report"), contents.DATA_REPORT_FILE),
        sequences=_json(run.output(SEQUENCES, "report"), contents.SEQUENCE_REPORT_FILE),
        checked=_json(run.output(MODEL_CHECK, "blessing"), contents.MODEL_CHECK_FILE),
        pushed=str(pushed.properties.get("pushed_destination", "")) or None if pushed else None,
        config=configuration(run),
        code={stage.name: str(stage.properties[_CODE]) for stage in run.stages if _CODE in stage.properties},
    )


@dataclasses.dataclass(frozen=True)
class Headline:
    """What a list says of a run: NDCG@10 on test, and the verdict; None where it isn't known."""

    ndcg: float | None = None
    blessed: bool | None = None


def headline(evaluator: Stage) -> Headline:
    """Of a run's Evaluator alone, without making records of all its figures."""
    evaluation = evaluator.output("evaluation")
    metrics = _json(evaluation, contents.METRICS_FILE) or {}
    overall = metrics.get(TEST, {}).get(CANDIDATE, {}).get(OVERALL, {})
    verdict = _json(evaluation, contents.BLESSING_FILE) or {}
    return Headline(overall.get("ndcg@10", {}).get("value"), verdict.get("blessed"))


def configuration(run: Run) -> dict[str, Any]:
    """What the stages were told, one entry a knob: from their executions, so of runs that failed too."""
    told: dict[str, Any] = {}
    for stage in run.stages:
        section = _SECTIONS.get(stage.name)
        if section:
            told |= flat(_options(stage), section)
            told |= {f"{section}.{knob}": stage.properties[knob] for knob in _ON_THEIR_OWN if knob in stage.properties}
    return told


def flat(value: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A tree as one level, with points between the names."""
    found: dict[str, Any] = {}
    for name, below in value.items():
        found |= flat(below, f"{path}.{name}") if isinstance(below, dict) else {f"{path}.{name}": below}
    return found


def _options(stage: Stage) -> dict[str, Any]:
    try:
        found = json.loads(str(stage.properties.get(_OPTIONS, "")))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _json(artifact: Artifact | None, name: str) -> Any:
    return files.read_json(artifact.uri, name) if artifact else None


def _metrics(found: Mapping[str, Any]) -> dict[str, dict[str, dict[str, dict[str, Metric]]]]:
    return {
        split: {
            model: {
                part: {name: Metric(each["value"], each.get("low"), each.get("high")) for name, each in metrics.items()}
                for part, metrics in slices.items()
            }
            for model, slices in models.items()
        }
        for split, models in found.items()
    }
