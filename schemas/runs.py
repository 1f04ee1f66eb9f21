"""Layout of an output root, and the summary that a run leaves.

<output_root>/
  metadata.sqlite          ML Metadata: every execution and artifact of every run
  pipeline.lock            held by the run that is going on
  artifacts/               TFX's pipeline root: <stage>/<output>/<execution>/
  checkpoints/<digest>/    of a training that has not ended yet
  serving/<model>/<version>/   what Pusher published: TensorFlow Serving's layout, and a manifest.json
  <run id>/summary.json    Summary
  <run id>/run.log         everything the stages logged
  <run id>/report.html     the run for a person: one page that needs nothing else
  latest -> <run id>
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from pydantic import BaseModel, ConfigDict

SUMMARY_FILE = "summary.json"
LOG_FILE = "run.log"
REPORT_FILE = "report.html"
MANIFEST_FILE = "manifest.json"


@dataclasses.dataclass(frozen=True)
class OutputRoot:
    """Where things lie under one output root."""

    path: pathlib.Path

    @property
    def metadata(self) -> pathlib.Path:
        return self.path / "metadata.sqlite"

    @property
    def lock(self) -> pathlib.Path:
        return self.path / "pipeline.lock"

    @property
    def artifacts(self) -> pathlib.Path:
        return self.path / "artifacts"

    @property
    def checkpoints(self) -> pathlib.Path:
        return self.path / "checkpoints"

    @property
    def serving(self) -> pathlib.Path:
        return self.path / "serving"

    @property
    def latest(self) -> pathlib.Path:
        return self.path / "latest"

    def run(self, run_id: str) -> pathlib.Path:
        return self.path / run_id


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Stage(_Strict):
    """One stage of a run."""

    seconds: float
    cached: bool


class Summary(_Strict):
    """What a run ended with.

    head: of the model, a name of ranker.heads.
    metrics: {"test": {"ndcg@10": 0.1, …}, "valid": …, "popularity": …, …}, the baselines on test: popularity; recent
        (the user's own latest items) only where items of the past are candidates; with the head pointwise constant
        (the same probability for all), with the head rating item_mean and mean (of training's ratings).
    slices: of test, {"novel" | "repeats" | "cold" | "strangers": {"hr@10": …, "ndcg@10": …, "examples": …,
        "popularity_ndcg@10": …, …}}, only those that hold labels.
    spans: those that were read, ascending; empty where the log isn't read by span.
    ranked_share: split -> share of its users whose labels were ranked; below 1 where evaluator.max_labels bound.
    tuned: knobs that the Tuner found, over those of `config`; empty without one.
    """

    run_id: str
    metrics: dict[str, dict[str, float]]
    blessed: bool
    why: str
    pushed_model: str | None
    pushed: bool
    wall_seconds: float
    fit_seconds: float
    stages: dict[str, Stage]
    config: dict[str, Any]
    data: list[dict[str, Any]]
    git_commit: str | None
    stack: dict[str, str]
    machine: dict[str, Any]
    paths: dict[str, str]
    spans: list[int] = []
    slices: dict[str, dict[str, float]] = {}
    ranked_share: dict[str, float] = {}
    head: str = "next_item"
    tuned: dict[str, Any] = {}


class Manifest(_Strict):
    """Beside a published model: what it is and where it comes from. The publish target is the truth, not a database.

    digest: of the model's files, in the clear.
    encryption: id of the key that they are encrypted with; "": they aren't.
    """

    model: str
    version: int
    digest: str
    published_at: str
    metrics: dict[str, Any]
    data: list[dict[str, Any]]
    spans: list[int] = []
    code_version: str
    evaluation: str
    refit: bool = False
    head: str = "next_item"
    encryption: str = ""
