"""Where an artifact comes from, down to files, configuration and code, and what came of it."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from inspection import files, results
from schemas.contents import READ_COUNTS_FILE
from schemas.errors import NotInStoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from inspection.records import Artifact, Stage
    from inspection.store import Store

_REJECTED = "seqrank.RejectedRows"
_READERS = (results.EXAMPLE_GEN, "ItemExampleGen", "UserExampleGen")
_MODELS = ("Model", "PushedModel")


@dataclasses.dataclass(frozen=True)
class Step:
    """One stage on the way.

    Args:
        stage: with all that it was told, read and left.
        run: name of its run.
        commit: that its code was from; None: not known.
        files: data files that it read, with their hashes.
    """

    stage: Stage
    run: str
    commit: str | None = None
    files: tuple[Mapping[str, Any], ...] = ()

    @property
    def code(self) -> str:
        """Digest of the stage's code; "" of TFX's own."""
        return str(self.stage.properties.get("code_version", ""))


@dataclasses.dataclass(frozen=True)
class Lineage:
    """A part of the graph of artifacts and stages.

    Args:
        of: what was asked for.
        artifacts: by id, all of the part.
        made_by: artifact -> execution that made it.
        steps: by execution.
        cut: whether there is more, beyond the number of stages that was asked for.
    """

    of: tuple[Artifact, ...]
    artifacts: Mapping[int, Artifact]
    made_by: Mapping[int, int]
    steps: Mapping[int, Step]
    cut: bool = False

    def models(self) -> list[tuple[Artifact, Step | None]]:
        """Models of the part, published ones too, and what made each."""
        found = [artifact for artifact in self.artifacts.values() if artifact.type in _MODELS]
        return [(each, self.steps.get(self.made_by.get(each.id, -1))) for each in sorted(found, key=lambda a: a.id)]

    def sources(self) -> list[Mapping[str, Any]]:
        """Data files at the beginning, each once: name, size, sha256."""
        found = {(each["name"], each.get("sha256")): each for step in self.steps.values() for each in step.files}
        return list(found.values())


def upstream(store: Store, artifact: Artifact, most: int | None = None) -> Lineage:
    """All that an artifact was made from; `most`: of so many stages, the nearest."""
    artifacts, made_by = {artifact.id: artifact}, dict[int, int]()
    steps: dict[int, Step] = {}
    wave, cut = [artifact.id], False
    while wave:
        makers = {each: ids[0] for each, ids in store.executions_of(wave, outputs=True).items()}
        made_by |= makers
        wanted, more = _first(set(makers.values()) - set(steps), most, len(steps))
        new, cut = store.stages(wanted), cut or more
        _add(steps, store, new)
        found = {each.id: each for stage in new.values() for held in stage.inputs.values() for each in held}
        wave = sorted(set(found) - set(artifacts))
        artifacts |= found
    return Lineage((artifact,), artifacts, made_by, steps, cut)


def downstream(
    store: Store, begin: Iterable[Artifact], most: int | None = None, beside: Collection[str] = ()
) -> Lineage:
    """All that was made from artifacts.

    Args:
        store: ML Metadata.
        begin: the artifacts.
        most: in so many stages, the nearest; None: all.
        beside: inputs, by their keys, that no stage is followed through; they only judge, say.
    """
    begun = tuple(begin)
    artifacts = {each.id: each for each in begun}
    made_by: dict[int, int] = {}
    steps: dict[int, Step] = {}
    wave, cut = sorted(artifacts), False
    while wave:
        readers = {number for ids in store.executions_of(wave, outputs=False).values() for number in ids}
        wanted, more = _first(readers - set(steps), most, len(steps))
        new, cut = store.stages(wanted), cut or more
        if beside:
            new = {number: stage for number, stage in new.items() if _reads(stage, artifacts, beside)}
        _add(steps, store, new)
        found = {each.id: each for stage in new.values() for held in stage.outputs.values() for each in held}
        for number, stage in new.items():
            for held in stage.outputs.values():
                made_by |= {each.id: number for each in held if each.id not in made_by}
        wave = sorted(set(found) - set(artifacts))
        artifacts |= found
    return Lineage(begun, artifacts, made_by, steps, cut)


def _first(wanted: set[int], most: int | None, had: int) -> tuple[list[int], bool]:
    """Those that there is still room for, and whether some are left out."""
    found = sorted(wanted)[: None if most is None else max(0, most - had)]
    return found, len(found) < len(wanted)


def _reads(stage: Stage, artifacts: Mapping[int, Artifact], beside: Collection[str]) -> bool:
    """Whether a stage reads one of them, other than by inputs that don't count."""
    return any(each.id in artifacts for key, held in stage.inputs.items() if key not in beside for each in held)


def of_file(store: Store, name: str) -> tuple[Artifact, ...]:
    """What was read of a data file: outputs of the stages that read it.

    Args:
        name: path or name of the file, or the beginning of its SHA-256 (8 digits or more).
    Raises: NotInStoreError: no run has read such a file.
    """
    known: set[str] = set()
    found: list[Artifact] = []
    for rejected in store.artifacts(_REJECTED):
        counts = files.read_json(rejected.uri, READ_COUNTS_FILE) or {"files": []}
        known |= {each["name"] for each in counts["files"]}
        if any(_is(each, name) for each in counts["files"]):
            found += [rejected, *_siblings(store, rejected)]
    if not found:
        raise NotInStoreError(
            "No run has read this file.", where=name, why=f"Read were: {', '.join(sorted(known)[:10]) or 'none'}."
        )
    return tuple({each.id: each for each in found}.values())


def _is(file: Mapping[str, Any], name: str) -> bool:
    same = file["name"] == name or os.path.abspath(file["name"]) == os.path.abspath(name)
    return (
        same or os.path.basename(file["name"]) == name or (len(name) >= 8 and file.get("sha256", "").startswith(name))
    )


def _siblings(store: Store, artifact: Artifact) -> list[Artifact]:
    """The other outputs of the stage that made an artifact."""
    (makers,) = store.executions_of([artifact.id], outputs=True).values()
    stage = store.stages(makers[:1])[makers[0]]
    return [each for held in stage.outputs.values() for each in held if each.id != artifact.id]


def _add(steps: dict[int, Step], store: Store, new: Mapping[int, Stage]) -> None:
    """Puts stages to the steps; a run's summary, which knows the commit, is read once."""
    commits = {step.run: step.commit for step in steps.values()}
    for number, stage in new.items():
        run = store.run_of(number)
        if run not in commits:
            commits[run] = store.commit(run)
        steps[number] = Step(stage, run, commits[run], _files(stage))


def _files(stage: Stage) -> tuple[Mapping[str, Any], ...]:
    """Data files that a stage read, where it is one that reads such."""
    rejected = stage.output("rejected") if stage.name in _READERS else None
    counts = files.read_json(rejected.uri, READ_COUNTS_FILE) if rejected else None
    return tuple((counts or {}).get("files", ()))
