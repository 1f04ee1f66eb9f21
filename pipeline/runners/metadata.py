"""What ML Metadata says about runs: read after a run, and mended before one. Needs ml_metadata alone, no TFX."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from typing import TYPE_CHECKING, Final

from ml_metadata import MetadataStore, errors
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline import metadata_server
from pipeline.metadata_options import POSTGRESQL, SQLITE
from schemas.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.metadata_options import MetadataOptions
    from schemas.runs import OutputRoot

# The names that TFX gives its contexts, the same on both stacks.
_RUN: Final = "pipeline_run"
_NODE: Final = "node"
_RESOLVER: Final = "Resolver"  # decides what a stage reads; no stage itself, and never cached
_PUSHED: Final = "pushed_destination"  # custom property of PushedModel: where its files were published
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


def where(options: MetadataOptions, root: OutputRoot) -> pb.ConnectionConfig:
    """Which store a configuration names; a file is made where it isn't there, and so is a server's database.

    Raises: ConfigError: the environment has no such password.
    """
    if options.kind != SQLITE:
        return metadata_server.where(options)
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(root.metadata)
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return config


def connect(store: pb.ConnectionConfig | pathlib.Path) -> MetadataStore:
    """Opens a store, and makes it where it isn't there.

    Args:
        store: where it is; of a path, SQLite's, the folder must exist.
    Raises: StoreError: a server that doesn't answer, or lets nobody in.
    """
    if isinstance(store, pathlib.Path):
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = str(store)
        config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        return MetadataStore(config)
    if store.WhichOneof("config") == SQLITE:
        return MetadataStore(store)
    from inspection.connection import connect as connect_to_server

    return connect_to_server(store)


def clients_for(store: pb.ConnectionConfig) -> contextlib.AbstractContextManager[None]:
    """For a block's length, TFX reaches a store by a client that can."""
    if store.WhichOneof("config") != POSTGRESQL:
        return contextlib.nullcontext()
    from inspection import postgresql

    return postgresql.everywhere()


def claim(store: MetadataStore, run_id: str) -> None:
    """Takes a run's name in a store that other output roots may share.

    Raises: BusyError: another run has the name.
    """
    kind = store.put_context_type(pb.ContextType(name=_RUN), can_add_fields=True, can_omit_fields=True)
    try:
        store.put_contexts([pb.Context(type_id=kind, name=run_id)])
    except errors.AlreadyExistsError:
        raise BusyError(
            "Another run that keeps its metadata in the same database began in the same second.",
            where=run_id,
            next_step="Run again.",
        ) from None


def fail_unfinished(store: MetadataStore, root: OutputRoot | None = None) -> int:
    """Marks as failed what a killed run left running; only for the holder of the lock.

    Args:
        store: ML Metadata.
        root: only of runs of this output root, where others share the store: theirs may still be running.
    Returns: how many.
    """
    left = [execution for execution in store.get_executions() if execution.last_known_state in _UNFINISHED]
    if root is not None:
        left = [execution for execution in left if _of_root(store, execution, root)]
    for execution in left:
        execution.last_known_state = pb.Execution.FAILED
    if left:
        store.put_executions(left)
    return len(left)


def _of_root(store: MetadataStore, execution: pb.Execution, root: OutputRoot) -> bool:
    kinds = {kind.id: kind.name for kind in store.get_context_types()}
    contexts = store.get_contexts_by_execution(execution.id)
    return any(kinds[each.type_id] == _RUN and root.run(each.name).is_dir() for each in contexts)


def retired(store: MetadataStore, *, deleted: bool = False) -> dict[str, int]:
    """What derives from forgotten users, as pipeline.erasure marked it: addresses, those pushed to too, and ids.

    Args:
        store: ML Metadata.
        deleted: also what `seqrank gc` deleted, for whatever reason.
    """
    states = (pb.Artifact.MARKED_FOR_DELETION, *((pb.Artifact.DELETED,) if deleted else ()))
    found: dict[str, int] = {}
    for artifact in store.get_artifacts():
        if artifact.state in states:
            pushed = artifact.custom_properties[_PUSHED].string_value if _PUSHED in artifact.custom_properties else ""
            found |= {address: artifact.id for address in (artifact.uri, pushed) if address}
    return found


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
