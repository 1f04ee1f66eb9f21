"""What ML Metadata says about runs: read after a run, and mended before one. Needs ml_metadata alone, no TFX."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as pb

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable

# The names that TFX gives its contexts, the same on both stacks.
_RUN: Final = "pipeline_run"
_NODE: Final = "node"
_RESOLVER: Final = "Resolver"  # decides what a stage reads; no stage itself, and never cached
_UNFINISHED: Final = (pb.Execution.NEW, pb.Execution.RUNNING)
_DONE: Final = (pb.Execution.COMPLETE, pb.Execution.CACHED)
_MILLISECONDS: Final = 1000.0


@dataclasses.dataclass(frozen=True)
class Execution:
    """One stage of one run, as ML Metadata recorded it.

    Args:
        id: the execution's id; its output folders carry it.
        node: the stage's id in the pipeline.
        state: COMPLETE, CACHED, FAILED, RUNNING …
        seconds: from registration to the last change.
        outputs: by output key, the artifacts; a cached stage has those of the run that made them.
        resolver: whether it only decides what a stage reads.
    """

    id: int
    node: str
    state: str
    seconds: float
    outputs: dict[str, list[pb.Artifact]]
    resolver: bool

    @property
    def cached(self) -> bool:
        """Whether an earlier run's outputs were taken."""
        return self.state == pb.Execution.State.Name(pb.Execution.CACHED)

    @property
    def done(self) -> bool:
        """Whether there are outputs to read on from."""
        return self.state in [pb.Execution.State.Name(state) for state in _DONE]

    def uri(self, key: str) -> str | None:
        """Folder of the one artifact of an output; None where there is none."""
        artifacts = self.outputs.get(key, [])
        return artifacts[0].uri if artifacts else None


def connect(path: pathlib.Path) -> MetadataStore:
    """Opens the store, an SQLite file, and makes it where it isn't there. Its folder must exist."""
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return MetadataStore(config)


def fail_unfinished(store: MetadataStore) -> int:
    """Marks as failed what a killed run left running; only for the holder of the lock. Returns how many."""
    left = [execution for execution in store.get_executions() if execution.last_known_state in _UNFINISHED]
    for execution in left:
        execution.last_known_state = pb.Execution.FAILED
    if left:
        store.put_executions(left)
    return len(left)


def executions(store: MetadataStore, run_id: str) -> dict[str, Execution]:
    """The stages of one run.

    Args:
        store: ML Metadata.
        run_id: the run's.
    Returns: by the stage's id, in the order they ran; empty where nothing ran.
    """
    context = store.get_context_by_type_and_name(_RUN, run_id)
    if context is None:
        return {}
    found = sorted(store.get_executions_by_context(context.id), key=lambda execution: execution.id)
    outputs = _outputs(store, [execution.id for execution in found])
    resolvers = {kind.id for kind in store.get_execution_types() if kind.name.endswith(_RESOLVER)}
    stages = [_execution(store, execution, outputs, execution.type_id in resolvers) for execution in found]
    return {stage.node: stage for stage in stages}


def _execution(
    store: MetadataStore, execution: pb.Execution, outputs: dict[int, dict[str, list[pb.Artifact]]], resolver: bool
) -> Execution:
    kinds = {kind.id: kind.name for kind in store.get_context_types()}
    contexts = store.get_contexts_by_execution(execution.id)
    node = next(context.name for context in contexts if kinds[context.type_id] == _NODE)
    took = execution.last_update_time_since_epoch - execution.create_time_since_epoch
    return Execution(
        id=execution.id,
        node=node.rsplit(".", 1)[-1],
        state=pb.Execution.State.Name(execution.last_known_state),
        seconds=took / _MILLISECONDS,
        outputs=outputs.get(execution.id, {}),
        resolver=resolver,
    )


def _outputs(store: MetadataStore, ids: Iterable[int]) -> dict[int, dict[str, list[pb.Artifact]]]:
    events = [event for event in store.get_events_by_execution_ids(list(ids)) if event.type == pb.Event.OUTPUT]
    artifacts = {artifact.id: artifact for artifact in store.get_artifacts_by_id([e.artifact_id for e in events])}
    found: dict[int, dict[str, list[pb.Artifact]]] = {}
    for event in events:
        key = event.path.steps[0].key
        found.setdefault(event.execution_id, {}).setdefault(key, []).append(artifacts[event.artifact_id])
    return found
