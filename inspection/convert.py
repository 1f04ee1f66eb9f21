"""ML Metadata's messages as our records, whoever wrote them: TFX on this machine, or Kubeflow's launcher."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2 as pb

from inspection.records import CANCELLED, FAILED, RUNNING, SUCCEEDED, Artifact, RunLine, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inspection.records import Value

RUN_TYPES: Final = ("pipeline_run", "system.PipelineRun")  # TFX's contexts, Kubeflow's
PIPELINE_TYPES: Final = ("pipeline", "system.Pipeline")
NODE_TYPE: Final = "node"  # TFX's; Kubeflow keeps a stage's name with its execution
_KUBEFLOW: Final = "system."  # begins the types of its executions
_TASK_NAME: Final = "task_name"  # of what its launcher notes: the stage's name,
_TOLD: Final = "inputs"  # what it was told,
# and what only the launcher itself needs.
_LAUNCHERS: Final = ("display_name", "task_name", "inputs", "parent_dag_id", "pod_uid", "cache_fingerprint")
_HELPERS: Final = ("Resolver", "system.DAGExecution")  # ends of the type names
_PREFIXES: Final = ("tfx.",)  # of types on Kubeflow
_MILLISECONDS: Final = 1000.0
_STATES: Final = {
    pb.Execution.NEW: RUNNING,
    pb.Execution.RUNNING: RUNNING,
    pb.Execution.COMPLETE: SUCCEEDED,
    pb.Execution.CACHED: SUCCEEDED,
    pb.Execution.FAILED: FAILED,
    pb.Execution.CANCELED: CANCELLED,
}
_WRAPPERS: Final = ("__value__", "struct", "list")  # TFX's around any value, Kubeflow's around a structure and a list
_STRUCT: Final = "mlmd-struct::"  # how TFX keeps a structure in a string


def when(milliseconds: int) -> datetime.datetime:
    """Milliseconds since 1970, in UTC."""
    return datetime.datetime.fromtimestamp(milliseconds / _MILLISECONDS, tz=datetime.timezone.utc)


def artifact(found: pb.Artifact, types: Mapping[int, str]) -> Artifact:
    """One artifact; `types`: names by id."""
    return Artifact(
        id=found.id,
        type=bare(types[found.type_id] or found.type),
        uri=found.uri,
        state=pb.Artifact.State.Name(found.state),
        created=when(found.create_time_since_epoch),
        properties=_properties(found),
    )


def bare(kind: str) -> str:
    """Name of an artifact's type without Kubeflow's prefix."""
    for prefix in _PREFIXES:
        kind = kind.removeprefix(prefix)
    return kind


def stage(
    found: pb.Execution,
    name: str,
    types: Mapping[int, str],
    inputs: Mapping[str, tuple[Artifact, ...]],
    outputs: Mapping[str, tuple[Artifact, ...]],
) -> Stage:
    """One execution, with what went in and came out; `name`: of its node, "" where the execution itself knows it."""
    properties = _properties(found)
    name = name or str(properties.get(_TASK_NAME) or types[found.type_id].rsplit(".", 1)[-1])
    if types[found.type_id].startswith(_KUBEFLOW):
        properties = _told(properties)
    return Stage(
        id=found.id,
        name=name,
        state=_STATES.get(found.last_known_state, RUNNING),
        cached=found.last_known_state == pb.Execution.CACHED,
        helper=helper(types[found.type_id]),
        started=when(found.create_time_since_epoch),
        seconds=_seconds([found]),
        inputs=inputs,
        outputs=outputs,
        properties=properties,
    )


def may_be(found: pb.Execution, name: str, types: Mapping[int, str]) -> bool:
    """Whether an execution is of the stage of that name, as far as it says so: TFX's by type, Kubeflow's by task."""
    told = found.custom_properties
    task = told[_TASK_NAME].string_value if _TASK_NAME in told else ""
    return name in (task, types[found.type_id].rsplit(".", 1)[-1])


def helper(kind: str) -> bool:
    """Whether executions of a type do no work of their own."""
    return kind.endswith(_HELPERS)


def line(run: str, pipeline: str, executions: Sequence[pb.Execution], types: Mapping[int, str]) -> RunLine:
    """A run's line; of at least one execution.

    Kubeflow leaves the group that is the whole run RUNNING for ever, and calls a stage CANCELED that a condition left
    out: neither says how a run is. A run whose stages have all ended counts as succeeded, though one may be to come.
    """
    work = [each for each in executions if not helper(types[each.type_id])]
    states = {_STATES.get(each.last_known_state, RUNNING) for each in executions if _says(each, types[each.type_id])}
    states = states or {RUNNING}
    return RunLine(
        id=run,
        pipeline=pipeline,
        state=next((state for state in (FAILED, CANCELLED, RUNNING) if state in states), SUCCEEDED),
        started=when(min(each.create_time_since_epoch for each in executions)),
        seconds=_seconds(executions),
        stages=len(work),
        cached=sum(each.last_known_state == pb.Execution.CACHED for each in work),
    )


def _says(execution: pb.Execution, kind: str) -> bool:
    """Whether an execution's state says something of its run's."""
    if not kind.startswith(_KUBEFLOW):
        return True
    return not helper(kind) and execution.last_known_state != pb.Execution.CANCELED


def _told(properties: dict[str, Value]) -> dict[str, Value]:
    """A stage's properties on Kubeflow as on this machine: parameters beside the others, whole numbers whole."""
    told = properties.get(_TOLD)
    values = told.items() if isinstance(told, dict) else ()
    kept = {name: value for name, value in properties.items() if name not in _LAUNCHERS}
    return kept | {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in values
    }


def _seconds(executions: Iterable[pb.Execution]) -> float:
    created = min(each.create_time_since_epoch for each in executions)
    return (max(each.last_update_time_since_epoch for each in executions) - created) / _MILLISECONDS


def _properties(found: pb.Artifact | pb.Execution) -> dict[str, Value]:
    return {name: _value(value) for both in (found.properties, found.custom_properties) for name, value in both.items()}


def _value(value: Any) -> Value:
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    held = getattr(value, kind)
    if kind == "struct_value":
        held = json_format.MessageToDict(held)
    elif kind == "proto_value":
        return "(a message)"
    elif kind == "string_value" and held.startswith(_STRUCT):
        return "(a structure)"
    while isinstance(held, dict) and len(held) == 1 and (wrapped := next(iter(held))) in _WRAPPERS:
        held = held[wrapped]
    return held
