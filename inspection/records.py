"""What ML Metadata knows, as plain frozen records: commands, reports and pages read these and nothing else."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Value = int | float | str | bool | dict | list

SUCCEEDED, FAILED, RUNNING, CANCELLED = "succeeded", "failed", "running", "cancelled"


@dataclasses.dataclass(frozen=True)
class Artifact:
    """One artifact.

    Args:
        id: ML Metadata's.
        type: of ours or TFX's, without Kubeflow's prefix.
        uri: where it lies.
        state: LIVE, DELETED, …
        created: in UTC.
        properties: both kinds that ML Metadata has, together.
    """

    id: int
    type: str
    uri: str
    state: str
    created: datetime.datetime
    properties: Mapping[str, Value]


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of one run.

    Args:
        id: of its execution.
        name: in the pipeline, such as Trainer.
        state: succeeded, failed, running or cancelled.
        cached: whether an earlier run's outputs were taken.
        helper: whether it only decides what a stage reads (TFX's Resolver), or is a group of Kubeflow's.
        started, seconds: when, in UTC, and from registration to the last change.
        inputs, outputs: artifacts by key.
        properties: what it was told, among it `options` (JSON) and `code_version`.
    """

    id: int
    name: str
    state: str
    cached: bool
    helper: bool
    started: datetime.datetime
    seconds: float
    inputs: Mapping[str, tuple[Artifact, ...]]
    outputs: Mapping[str, tuple[Artifact, ...]]
    properties: Mapping[str, Value]

    def output(self, key: str) -> Artifact | None:
        """The one artifact of an output; None where there is none."""
        return next(iter(self.outputs.get(key, ())), None)


@dataclasses.dataclass(frozen=True)
class RunLine:
    """A run as a list shows it.

    Args:
        id: its name.
        pipeline: the pipeline's name.
        state: failed where any stage failed, running where one has not ended.
        started, seconds: of its first stage, in UTC, and to the last change of any.
        stages, cached: how many there are, helpers apart, and how many came from the cache.
    """

    id: str
    pipeline: str
    state: str
    started: datetime.datetime
    seconds: float
    stages: int
    cached: int


@dataclasses.dataclass(frozen=True)
class Run:
    """A run and its stages, in the order they ran."""

    line: RunLine
    stages: tuple[Stage, ...]

    def stage(self, name: str) -> Stage | None:
        """By its name in the pipeline; None where the run didn't come so far."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def output(self, stage: str, key: str) -> Artifact | None:
        """The one artifact of a stage's output; None where there is none."""
        found = self.stage(stage)
        return found.output(key) if found else None

    def artifacts(self) -> Iterator[tuple[Stage, str, Artifact]]:
        """Every output: its stage, its key, and what lies there."""
        for stage in self.stages:
            for key, found in stage.outputs.items():
                for artifact in found:
                    yield stage, key, artifact


def plain(value: Any) -> Any:
    """Records as JSON can hold them: for --json.

    Args:
        value: a record, a container of records, or a plain value; times become ISO 8601.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime.datetime) else value
