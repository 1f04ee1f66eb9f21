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
_CANDIDATE, _POPULARITY, _RECENT, _OVERALL = "candidate", "popularity", "recent", "overall"  # keys of metrics.json
_EXAMPLES: Final = "examples"
_PUSHED, _DESTINATION = "pushed", "pushed_destination"  # custom properties of PushedModel
_SHOWN: Final = ("hr@10", "ndcg@10", "mrr@10", "coverage@10")
_OF_SLICES: Final = ("hr@10", "ndcg@10")
_IN_SLICES: Final = "ndcg@10"  # shown
_SLICES: Final = {  # ours -> as metrics.json calls it
    "novel": f"{features.LABEL_REPEATS}=0",
    "repeats": f"{features.LABEL_REPEATS}=1",
    "cold": f"{features.LABEL_POPULARITY}={features.POPULARITY_BUCKETS[-1]}",
    "strangers": f"{features.HISTORY_LENGTH}={features.HISTORY_LENGTH_BUCKETS[0][1]}",
}
_INFORMATIVE: Final = (0.01, 0.99)  # of the labels: a slice of fewer says little, one of more says what overall says


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
    measured = _read(evaluation / artifacts.METRICS_FILE)
    (pushed,) = stages[_PUSHER].outputs["pushed_model"]
    new = not stages[_PUSHER].cached and bool(pushed.custom_properties[_PUSHED].int_value)
    return Summary(
        run_id=run_id,
        metrics=_metrics(measured),
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
        slices=_slices(measured[features.TEST]),
        ranked_share=_read(evaluation / artifacts.RANKED_SHARE_FILE),
    )


def _text(artifact: pb.Artifact, name: str) -> str:
    return artifact.custom_properties[name].string_value if name in artifact.custom_properties else ""


def _metrics(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Of the model on validation and test, of the trivial baselines on test, over all examples."""
    chosen = {
        features.TEST: found[features.TEST][_CANDIDATE],
        features.VALID: found[features.VALID][_CANDIDATE],
        **{name: found[features.TEST][name] for name in (_POPULARITY, _RECENT) if name in found[features.TEST]},
    }
    return {
        name: {metric: entry["value"] for metric, entry in slices[_OVERALL].items()} for name, slices in chosen.items()
    }


def _slices(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Of the slices that hold labels, by our names, what the model and the trivial baselines reach."""
    models = {"": _CANDIDATE, **{f"{name}_": name for name in (_POPULARITY, _RECENT) if name in found}}
    return {
        name: {
            **{
                f"{prefix}{metric}": found[model][key][metric]["value"]
                for prefix, model in models.items()
                for metric in _OF_SLICES
                if metric in found[model][key]
            },
            _EXAMPLES: found[_CANDIDATE][key][_EXAMPLES]["value"],
        }
        for name, key in _SLICES.items()
        if key in found[_CANDIDATE]
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
    for split, share in summary.ranked_share.items():
        if share < 1:
            console.print(f"{split}: {share:.1%} of the users, chosen by a hash of their ids", highlight=False)
    console.print()
    console.print(summary.why, highlight=False, soft_wrap=True)
    for name, value in _places(summary):
        console.print(f"  {name:<15} {value}", highlight=False, soft_wrap=True)


def _figures(summary: Summary) -> Table:
    """The model beside the trivial baselines, on test: over all labels, then over the slices that say more."""
    own = _RECENT in summary.metrics
    table = Table(box=None, pad_edge=False)
    table.add_column("test, whole catalogue")
    for name in ("the model", "most popular", "times", *(["own latest"] if own else [])):
        table.add_column(name, justify="right")
    model, popular, recent = (summary.metrics.get(name, {}) for name in (features.TEST, _POPULARITY, _RECENT))
    for metric in [name for name in _SHOWN if name in model]:
        _row(table, metric, model[metric], popular.get(metric), recent.get(metric), own)
    for name, of_slice in _shown_slices(summary):
        popularity, latest = (of_slice.get(f"{other}_{_IN_SLICES}") for other in (_POPULARITY, _RECENT))
        share = of_slice[_EXAMPLES] / model[_EXAMPLES]
        _row(table, f"{_IN_SLICES} {name} {share:.0%}", of_slice[_IN_SLICES], popularity, latest, own)
    return table


def _row(table: Table, name: str, value: float, popular: float | None, recent: float | None, own: bool) -> None:
    """One metric; a baseline that has none, or 0, leaves its place empty."""
    beside = (f"{popular:.4f}", f"{value / popular:.2f}") if popular else ("", "")
    latest = [f"{recent:.4f}" if recent is not None else ""] if own else []
    table.add_row(name, f"{value:.4f}", *beside, *latest)


def _shown_slices(summary: Summary) -> list[tuple[str, dict[str, float]]]:
    """Slices of which each holds some of the labels and not about all of them."""
    labels = summary.metrics[features.TEST].get(_EXAMPLES, 0)
    low, high = _INFORMATIVE
    return [
        (name, of_slice)
        for name, of_slice in summary.slices.items()
        if _IN_SLICES in of_slice and low * labels <= of_slice[_EXAMPLES] <= high * labels
    ]


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
