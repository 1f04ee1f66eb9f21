"""What a run ended with, gathered from what its stages left; as summary.json and as a table."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from pipeline import machine
from schemas import artifacts, features
from schemas.runs import LOG_FILE, SUMMARY_FILE, OutputRoot, Stage, Summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_metadata.proto import metadata_store_pb2 as pb
    from rich.console import Console

    from pipeline.config import Config
    from pipeline.runners.metadata import Execution

# As the stages are called in the DAG (the edge table of tests/pipeline/test_pipeline.py holds these names).
_EXAMPLE_GEN, _TRAINER, _EVALUATOR, _PUSHER = "InteractionExampleGen", "Trainer", "Evaluator", "Pusher"
_CANDIDATE, _POPULARITY, _OVERALL = "candidate", "popularity", "overall"  # keys of metrics.json
_PUSHED, _DESTINATION = "pushed", "pushed_destination"  # custom properties of PushedModel
_SHOWN: Final = ("hr@10", "ndcg@10", "mrr@10", "coverage@10")


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
    verdict = _read(evaluation / artifacts.BLESSING_FILE)
    training = _read(_uri(stages[_TRAINER], "model_run") / artifacts.TRAINING_FILE)
    (pushed,) = stages[_PUSHER].outputs["pushed_model"]
    new = not stages[_PUSHER].cached and bool(pushed.custom_properties[_PUSHED].int_value)
    return Summary(
        run_id=run_id,
        metrics=_metrics(_read(evaluation / artifacts.METRICS_FILE)),
        blessed=verdict["blessed"],
        why=verdict["why"],
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
        data=_read(_uri(stages[_EXAMPLE_GEN], "rejected") / artifacts.READ_COUNTS_FILE)["files"],
        git_commit=machine.git_commit(),
        stack=machine.stack(),
        machine={**machine.machine(), "gpus": machine.gpus()},
        paths=_paths(root, run_id, stages),
    )


def _text(artifact: pb.Artifact, name: str) -> str:
    return artifact.custom_properties[name].string_value if name in artifact.custom_properties else ""


def _metrics(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Of the model on validation and test, of the most popular items on test, over all examples."""
    chosen = {
        features.TEST: found[features.TEST][_CANDIDATE],
        features.VALID: found[features.VALID][_CANDIDATE],
        _POPULARITY: found[features.TEST][_POPULARITY],
    }
    return {
        name: {metric: entry["value"] for metric, entry in slices[_OVERALL].items()} for name, slices in chosen.items()
    }


def _paths(root: OutputRoot, run_id: str, stages: Mapping[str, Execution]) -> dict[str, str]:
    return {
        "summary": str(root.run(run_id) / SUMMARY_FILE),
        "log": str(root.run(run_id) / LOG_FILE),
        "metadata": str(root.metadata),
        "tensorboard": str(_uri(stages[_TRAINER], "model_run")),
        "evaluation": str(_uri(stages[_EVALUATOR], "evaluation")),
        "rejected": str(_uri(stages[_EXAMPLE_GEN], "rejected")),
    }


def _uri(stage: Execution, key: str) -> pathlib.Path:
    uri = stage.uri(key)
    if uri is None:
        raise FileNotFoundError(f"{stage.node} left no {key}.")
    return pathlib.Path(uri)


def _read(path: pathlib.Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def show(summary: Summary, console: Console) -> None:
    """Prints the closing summary."""
    console.print()
    console.print(_figures(summary))
    console.print()
    console.print(summary.why, highlight=False, soft_wrap=True)
    for name, value in _places(summary):
        console.print(f"  {name:<15} {value}", highlight=False, soft_wrap=True)


def _figures(summary: Summary) -> Table:
    """The model beside the most popular items, on test."""
    table = Table(box=None, pad_edge=False)
    table.add_column("test, whole catalogue")
    for name in ("the model", "most popular", "times"):
        table.add_column(name, justify="right")
    model, popular = summary.metrics[features.TEST], summary.metrics[_POPULARITY]
    for metric in [name for name in _SHOWN if name in model]:
        base = popular.get(metric)
        beside = (f"{base:.4f}", f"{model[metric] / base:.2f}") if base else ("", "")
        table.add_row(metric, f"{model[metric]:.4f}", *beside)
    return table


def _places(summary: Summary) -> list[tuple[str, str]]:
    cached = sum(stage.cached for stage in summary.stages.values())
    pushed = summary.pushed_model or "none; what was served stays"
    if summary.pushed_model and not summary.pushed:
        pushed += " (published before, nothing new)"
    return [
        ("pushed model", pushed),
        ("metadata", summary.paths["metadata"]),
        ("TensorBoard", f"tensorboard --logdir {summary.paths['tensorboard']}"),
        ("summary", summary.paths["summary"]),
        ("log", summary.paths["log"]),
        (
            "time",
            f"{summary.wall_seconds:.0f} s, {summary.fit_seconds:.0f} s of it in fit; "
            f"{cached} of {len(summary.stages)} stages from the cache",
        ),
    ]
