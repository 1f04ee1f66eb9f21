"""What a run ended with, gathered from what its stages left: summary.json."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any, Final

from pipeline import machine
from pipeline.runners.figures import CANDIDATE, EXAMPLES, OF_HEAD, OVERALL, POPULARITY, RECENT
from schemas import contents, features
from schemas.records import ReadCounts
from schemas.runs import LOG_FILE, SUMMARY_FILE, OutputRoot, Stage, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ml_metadata.proto import metadata_store_pb2 as pb

    from pipeline.config import Config
    from pipeline.runners.metadata import Execution

# As the stages are called in the DAG (the edge table of tests/pipeline/test_pipeline.py holds these names).
_EXAMPLE_GEN, _TRAINER, _EVALUATOR, _PUSHER = "InteractionExampleGen", "Trainer", "Evaluator", "Pusher"
_MODEL_CHECK: Final = "ModelCheck"
_LISTS: Final = "BatchRecommender"
_PUSHED, _DESTINATION = "pushed", "pushed_destination"  # custom properties of PushedModel
_OF_SLICES: Final = ("hr@10", "ndcg@10")
_SLICES: Final = {  # ours -> as metrics.json calls it
    "novel": f"{features.LABEL_REPEATS}=0",
    "repeats": f"{features.LABEL_REPEATS}=1",
    "cold": f"{features.LABEL_POPULARITY}={features.POPULARITY_BUCKETS[-1]}",
    "strangers": f"{features.HISTORY_LENGTH}={features.HISTORY_LENGTH_BUCKETS[0][1]}",
}


def build(
    config: Config, root: OutputRoot, run_id: str, stages: Mapping[str, Execution], *, wall_seconds: float
) -> Summary:
    """Gathers a finished run's summary.

    Args:
        config: the resolved configuration.
        root: the output root.
        run_id: the run's.
        stages: all of them ended (pipeline.runners.metadata.executions).
        wall_seconds: of the whole run.
    Returns: the summary; seconds of fit are 0 where the training came from the cache.
    """
    evaluation = _uri(stages[_EVALUATOR], "evaluation")
    blessed, why = _verdict(evaluation, stages)
    training = _read(_uri(stages[_TRAINER], "model_run") / contents.TRAINING_FILE)
    measured = _read(evaluation / contents.METRICS_FILE)
    (pushed,) = stages[_PUSHER].outputs["pushed_model"]
    new = not stages[_PUSHER].cached and bool(pushed.custom_properties[_PUSHED].int_value)
    head = config.trainer.model.head.name
    counts = ReadCounts.load(_uri(stages[_EXAMPLE_GEN], "rejected") / contents.READ_COUNTS_FILE)
    return Summary(
        run_id=run_id,
        metrics=_metrics(measured, head),
        blessed=blessed,
        why=why,
        pushed_model=_text(pushed, _DESTINATION) or None,
        pushed=new,
        wall_seconds=round(wall_seconds, 1),
        fit_seconds=0.0 if stages[_TRAINER].cached else round(training["fit_seconds"], 1),
        stages={
            name: Stage(seconds=round(stage.seconds, 2), cached=stage.cached)
            for name, stage in stages.items()
            if not stage.resolver
        },
        config=config.model_dump(mode="json"),
        data=[file.model_dump() for file in counts.files],
        spans=counts.spans,
        git_commit=machine.git_commit(),
        stack=machine.stack(),
        machine={**machine.machine(), "gpus": machine.gpus()},
        paths=_paths(config, root, run_id, stages),
        slices=_slices(measured[features.TEST]),
        ranked_share=_read(evaluation / contents.RANKED_SHARE_FILE),
        head=head,
        tuned=training.get("hyperparameters", {}),
    )


def _verdict(evaluation: pathlib.Path, stages: Mapping[str, Execution]) -> tuple[bool, str]:
    """Whether the model may be published, and why: by its figures, and by what a server of it did."""
    verdict = _read(evaluation / contents.BLESSING_FILE)
    if verdict["blessed"] and _MODEL_CHECK in stages:
        checked = _read(_uri(stages[_MODEL_CHECK], "blessing") / contents.MODEL_CHECK_FILE)
        if not checked["passed"]:
            return False, f"Good by its figures, but it can't be served: {' '.join(checked['reasons'])}"
    return verdict["blessed"], verdict["why"]


def _text(artifact: pb.Artifact, name: str) -> str:
    return artifact.custom_properties[name].string_value if name in artifact.custom_properties else ""


def _metrics(found: dict[str, Any], head: str) -> dict[str, dict[str, float]]:
    """Of the model on validation and test, of the trivial baselines on test, over all examples; the head's first."""
    others = dict.fromkeys([POPULARITY, RECENT, *(OF_HEAD[head].baselines if head in OF_HEAD else ())])
    chosen = {
        features.TEST: found[features.TEST][CANDIDATE],
        features.VALID: found[features.VALID][CANDIDATE],
        **{name: found[features.TEST][name] for name in others if name in found[features.TEST]},
    }
    first = OF_HEAD[head].metrics if head in OF_HEAD else ()
    return {name: _values(slices.get(OVERALL, {}), first) for name, slices in chosen.items()}


def _values(entries: dict[str, Any], first: Iterable[str]) -> dict[str, float]:
    names = dict.fromkeys([*(metric for metric in first if metric in entries), *entries])
    return {metric: entries[metric]["value"] for metric in names}


def _slices(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Of the slices that hold labels, by our names, what the model and the trivial baselines reach."""
    models = {"": CANDIDATE, **{f"{name}_": name for name in (POPULARITY, RECENT) if name in found}}
    return {
        name: {
            **{
                f"{prefix}{metric}": found[model][key][metric]["value"]
                for prefix, model in models.items()
                for metric in _OF_SLICES
                if metric in found[model][key]
            },
            EXAMPLES: found[CANDIDATE][key][EXAMPLES]["value"],
        }
        for name, key in _SLICES.items()
        if key in found[CANDIDATE]
    }


def _paths(config: Config, root: OutputRoot, run_id: str, stages: Mapping[str, Execution]) -> dict[str, str]:
    return {
        "summary": str(root.run(run_id) / SUMMARY_FILE),
        "log": str(root.run(run_id) / LOG_FILE),
        "metadata": config.run.metadata.shown or str(root.metadata),
        "tensorboard": str(_uri(stages[_TRAINER], "model_run")),
        "evaluation": str(_uri(stages[_EVALUATOR], "evaluation")),
        "rejected": str(_uri(stages[_EXAMPLE_GEN], "rejected")),
        **({"recommendations": str(_uri(stages[_LISTS], "recommendations"))} if _LISTS in stages else {}),
    }


def _uri(stage: Execution, key: str) -> pathlib.Path:
    uri = stage.uri(key)
    if uri is None:
        raise FileNotFoundError(f"{stage.node} left no {key}.")
    return pathlib.Path(uri)


def _read(path: pathlib.Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
