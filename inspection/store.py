"""Runs, stages and artifacts of a metadata store: the one reader that all views share."""

from __future__ import annotations

import collections
import difflib
import itertools
import os
import pathlib
from typing import TYPE_CHECKING, Final

from ml_metadata import ListOptions, OrderByField
from ml_metadata.proto import metadata_store_pb2 as pb

from inspection import convert, files
from inspection.connection import LIMIT, connect
from inspection.records import Run
from schemas.errors import NotInStoreError
from schemas.runs import REPORT_FILE, SUMMARY_FILE, OutputRoot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ml_metadata import MetadataStore

    from inspection.connection import Where
    from inspection.records import Artifact, RunLine, Stage

LATEST: Final = "latest"
_DESTINATION: Final = "pushed_destination"  # of PushedModel: where the model is served from
_PUSHED: Final = "PushedModel"
_INPUTS: Final = (pb.Event.INPUT, pb.Event.DECLARED_INPUT)
_OUTPUTS: Final = (pb.Event.OUTPUT, pb.Event.DECLARED_OUTPUT, pb.Event.INTERNAL_OUTPUT, pb.Event.PENDING_OUTPUT)


class Store:
    """A store, read as it is at the moment of each call.

    Args:
        where: as ML Metadata wants it.
        limit: seconds until a store that doesn't answer is given up.
        root: output root of the runs; None: the folder of SQLite's file, or not known.
    Raises: StoreError: as inspection.connection.connect.
    """

    def __init__(self, where: Where, limit: float = LIMIT, root: OutputRoot | None = None) -> None:
        self._client: MetadataStore = connect(where, limit)
        file = getattr(getattr(where, "sqlite", None), "filename_uri", "")
        self._context_types = _Types(self._client.get_context_types)
        self._execution_types = _Types(self._client.get_execution_types)
        self._artifact_types = _Types(self._client.get_artifact_types)
        self.root = root or (OutputRoot(pathlib.Path(file).parent) if file else None)  # of this machine's runs alone

    def runs(self, limit: int | None = None) -> list[RunLine]:
        """The newest runs, the newest first; all of them without a limit. Those that began nothing are left out."""
        return self._lines(self._run_contexts()[:limit])

    def names(self) -> list[str]:
        """Names of all runs, the newest first: cheap, where lines cost a question a run."""
        return [context.name for context in self._run_contexts()]

    def lines(self, names: Iterable[str]) -> list[RunLine]:
        """Lines of the runs of these very names, the newest first."""
        wanted = set(names)
        return self._lines([context for context in self._run_contexts() if context.name in wanted])

    def touched(self, count: int) -> dict[int, int]:
        """The executions that began or changed last, and when they did, in milliseconds since 1970."""
        newest = ListOptions(limit=count, order_by=OrderByField.UPDATE_TIME, is_asc=False)
        return {each.id: each.last_update_time_since_epoch for each in self._client.get_executions(newest)}

    def run(self, name: str) -> Run:
        """One run, by its name, the beginning of it if no other begins so, or `latest`.

        Raises: NotInStoreError: there is none, or there are several.
        """
        context = self._find(name)
        executions = sorted(self._client.get_executions_by_context(context.id), key=lambda each: each.id)
        if not executions:
            raise NotInStoreError("This run began no stage.", where=context.name)
        line = convert.line(context.name, self._pipeline(context), executions, self._execution_types)
        return Run(line=line, stages=tuple(self._stages(executions)))

    def older(self, name: str, limit: int) -> list[str]:
        """Names of the runs that began before one, the newest first; those that began no stage are left out."""
        contexts = self._run_contexts()
        names = [context.name for context in contexts]
        after = names.index(name) + 1 if name in names else len(names)
        began = (each.name for each in contexts[after:] if self._client.get_executions_by_context(each.id))
        return list(itertools.islice(began, limit))

    def artifacts(self, kind: str | None = None) -> list[Artifact]:
        """All artifacts, the newest first; `kind`: of that type alone, whatever the case of its letters.

        Raises: NotInStoreError: there is no such type.
        """
        found = [convert.artifact(each, self._artifact_types) for each in self._client.get_artifacts()]
        found.sort(key=lambda each: -each.id)
        if kind is None:
            return found
        names = {each.type.lower().removeprefix("seqrank."): each.type for each in found}
        wanted = names.get(kind.lower().removeprefix("seqrank."))
        if wanted is None:
            raise NotInStoreError(
                "There is no artifact of that type.",
                where=kind,
                next_step=f"Those there are: {', '.join(sorted(set(names.values())))}.",
            )
        return [each for each in found if each.type == wanted]

    def artifact(self, reference: str) -> Artifact:
        """One artifact, by its id, its address, the folder of a published model, or RUN/STAGE.OUTPUT.

        Raises: NotInStoreError: there is none.
        """
        by_id = self._client.get_artifacts_by_id
        found = by_id([int(reference)]) if reference.isdecimal() else self._at(reference)
        if found:
            return convert.artifact(found[-1], self._artifact_types)
        run, _, output = reference.rpartition("/")
        name, _, key = output.partition(".")
        held = self.run(run or LATEST).output(name, key) if key else None
        if held is None:
            raise NotInStoreError(
                "There is no such artifact.",
                where=reference,
                next_step="Name its id or address (seqrank artifacts), or RUN/STAGE.OUTPUT: latest/Trainer.model.",
            )
        return held

    def executions_of(self, artifacts: Iterable[int], *, outputs: bool) -> dict[int, list[int]]:
        """By artifact, the executions that made it (the first of them did; later ones took it), or that read it."""
        kinds = _OUTPUTS if outputs else _INPUTS
        found: dict[int, list[int]] = collections.defaultdict(list)
        events = self._client.get_events_by_artifact_ids(sorted(set(artifacts)))
        for event in sorted(events, key=lambda each: each.execution_id):
            if event.type in kinds and event.execution_id not in found[event.artifact_id]:
                found[event.artifact_id].append(event.execution_id)
        return found

    def stages(self, ids: Iterable[int]) -> dict[int, Stage]:
        """Stages by their executions' ids."""
        wanted = sorted(set(ids))
        executions = self._client.get_executions_by_id(wanted) if wanted else []
        return {stage.id: stage for stage in self._stages(executions)}

    def stages_of(self, runs: Iterable[str], name: str) -> dict[str, Stage]:
        """The stage of that name of each of the runs that have one."""
        wanted, found = set(runs), {}
        for context in self._run_contexts():
            if context.name in wanted:
                for each in self._client.get_executions_by_context(context.id):
                    if convert.may_be(each, name, self._execution_types):
                        found[each.id] = context.name
        return {found[number]: stage for number, stage in self.stages(found).items() if stage.name == name}

    def run_of(self, execution: int) -> str:
        """Name of the run that a stage was part of; "" of none."""
        contexts = self._client.get_contexts_by_execution(execution)
        return next((each.name for each in contexts if self._context_types[each.type_id] in convert.RUN_TYPES), "")

    def commit(self, run: str) -> str | None:
        """The Git commit that a run's code was from, where the run's own summary says it."""
        found = files.read_json(str(self.root.run(run)), SUMMARY_FILE) if self.root else None
        return (found or {}).get("git_commit")

    def report(self, run: str) -> pathlib.Path:
        """Where a run's report belongs: in the run's folder; where there is none, as of a cluster's run, here."""
        return self.root.run(run) / REPORT_FILE if self.root else pathlib.Path(f"{run}.html")

    def _lines(self, contexts: Iterable[pb.Context]) -> list[RunLine]:
        """Of the runs that began anything."""
        lines = []
        for context in contexts:
            executions = self._client.get_executions_by_context(context.id)
            if executions:
                lines.append(convert.line(context.name, self._pipeline(context), executions, self._execution_types))
        return lines

    def _at(self, address: str) -> list[pb.Artifact]:
        """Artifacts that lie at an address, or models published there."""
        address = address.rstrip("/")
        for each in dict.fromkeys([address, address if "://" in address else os.path.abspath(address)]):
            found = self._client.get_artifacts_by_uri(each) or self._client.get_artifacts_by_uri(f"{each}/")
            if not found:
                pushed = [one for kind in self._pushed_types() for one in self._client.get_artifacts_by_type(kind)]
                found = [one for one in pushed if one.custom_properties[_DESTINATION].string_value.rstrip("/") == each]
            if found:
                return found
        return []

    def _pushed_types(self) -> list[str]:
        """What the store calls published models: on Kubeflow with a prefix."""
        return [kind.name for kind in self._client.get_artifact_types() if convert.bare(kind.name) == _PUSHED]

    def _find(self, name: str) -> pb.Context:
        contexts = self._run_contexts()
        if not contexts:
            raise NotInStoreError("No run has been here yet.", next_step="Run one: seqrank run, or seqrank submit.")
        if name == LATEST:
            return contexts[0]
        exact = [context for context in contexts if context.name == name]
        found = exact or [context for context in contexts if context.name.startswith(name)]
        if len(found) == 1 or exact:
            return found[0]
        names = [context.name for context in found or contexts]
        if found:
            raise NotInStoreError(f"{len(found)} runs begin so.", where=name, why=", ".join(names[:5]))
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.0)
        raise NotInStoreError("There is no such run.", where=name, next_step=f"Did you mean {', '.join(near)}?")

    def _run_contexts(self) -> list[pb.Context]:
        """The newest first."""
        kinds = {kind.name for kind in self._client.get_context_types()}
        found = [
            each for kind in convert.RUN_TYPES if kind in kinds for each in self._client.get_contexts_by_type(kind)
        ]
        return sorted(found, key=lambda each: -each.id)

    def _pipeline(self, run: pb.Context) -> str:
        parents = self._client.get_parent_contexts_by_context(run.id)
        named = [each.name for each in parents if self._context_types[each.type_id] in convert.PIPELINE_TYPES]
        return named[0] if named else ""

    def _stages(self, executions: Sequence[pb.Execution]) -> list[Stage]:
        events = self._client.get_events_by_execution_ids([each.id for each in executions]) if executions else []
        ids = sorted({event.artifact_id for event in events})
        found = self._client.get_artifacts_by_id(ids) if ids else []
        artifacts = {each.id: convert.artifact(each, self._artifact_types) for each in found}
        sides: dict[tuple[int, bool], dict[str, list[Artifact]]] = collections.defaultdict(dict)
        for event in events:
            key = event.path.steps[0].key if event.path.steps else ""
            held = sides[event.execution_id, event.type in _OUTPUTS].setdefault(key, [])
            if event.artifact_id in artifacts:
                held.append(artifacts[event.artifact_id])
        return [
            convert.stage(
                each,
                self._node(each),
                self._execution_types,
                _fixed(sides[each.id, False]),
                _fixed(sides[each.id, True]),
            )
            for each in executions
        ]

    def _node(self, execution: pb.Execution) -> str:
        """A stage's name, where a context says it."""
        contexts = self._client.get_contexts_by_execution(execution.id)
        nodes = [each.name for each in contexts if self._context_types[each.type_id] == convert.NODE_TYPE]
        return nodes[0].rsplit(".", 1)[-1] if nodes else ""


class _Types(dict[int, str]):
    """Names of types by id, asked for when one is met that isn't known yet: a run that goes on makes new ones."""

    def __init__(self, load: Callable[[], Sequence[pb.ArtifactType | pb.ExecutionType | pb.ContextType]]) -> None:
        super().__init__()
        self._load = load

    def __missing__(self, number: int) -> str:
        self.update({kind.id: kind.name for kind in self._load()})
        return self.setdefault(number, "")


def _fixed(found: dict[str, list[Artifact]]) -> dict[str, tuple[Artifact, ...]]:
    return {key: tuple(each) for key, each in found.items()}
