"""What an output root holds that nobody needs any more: output of killed and failed runs, and what grew old.

ML Metadata says what is in use. Nothing here may run beside a run: the caller holds the root's lock.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import time
from typing import TYPE_CHECKING, Final

from ml_metadata.proto import metadata_store_pb2 as pb

from components.pusher import publish, upload, versions
from pipeline import places
from pipeline.runners import metadata
from schemas import stores
from schemas.runs import REPORT_FILE, SUMMARY_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ml_metadata import MetadataStore

    from pipeline.config import Config
    from schemas.runs import OutputRoot

_RUN_ID: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{6}")
_SYSTEM: Final = ".system"  # TFX's own scratch, inside each stage's folder
_EXECUTIONS: Final = "executor_execution"  # in it, one folder an execution; whatever else is there is scratch
_DAY: Final = 86_400.0  # seconds

KILLED = "of a run that was killed or failed"
OLD_RUN = "that no run kept under run.keep.runs uses"
OLD_MODEL = "a version beyond run.keep.models"
RETIRED = "that derives from forgotten users"
KILLED_PUSH = "of a push into an object store that was cut off"
OLD_CHECKPOINT = "a training that never ended, older than run.keep.checkpoint_days"


@dataclasses.dataclass(frozen=True)
class Leftover:
    """Something that can go.

    Args:
        path: the folder, or a file; of an object store its address.
        why: one of the sentences above.
        size: bytes.
        artifact: id in ML Metadata, marked as deleted so that no cache takes it; None where it isn't recorded.
        version: number of a published version, or of one that never was; None for any other folder.
    """

    path: pathlib.Path | str
    why: str
    size: int
    artifact: int | None = None
    version: int | None = None


def find(config: Config, root: OutputRoot) -> list[Leftover]:
    """Everything that can go under a configuration; nothing is touched."""
    if not _known(config, root):
        return []
    store = metadata.connect(metadata.where(config.run.metadata, root))
    runs = sorted(path for path in root.path.iterdir() if _RUN_ID.fullmatch(path.name) and path.is_dir())
    finished = [path for path in runs if _summarised(path)]
    kept = finished[-config.run.keep.runs :]
    kept += [path for path in runs if not finished or path > finished[-1]]  # the same command again goes on from there
    found = [_leftover(path, OLD_RUN if path in finished else KILLED) for path in runs if path not in kept]
    retired = metadata.retired(store)
    stages = {path: [stage.id for stage in metadata.executions(store, path.name).values()] for path in kept}
    found += _outputs(store, root, [number for ids in stages.values() for number in ids], retired)
    found += _reports(store, stages, retired)
    found += _models(config, root, retired)
    found += _checkpoints(root, config.run.keep.checkpoint_days)
    return found


def remove(found: list[Leftover], config: Config, root: OutputRoot) -> None:
    """Removes what `find` found; a removal that is cut short is found again."""
    store = metadata.connect(metadata.where(config.run.metadata, root)) if _known(config, root) else None
    target = versions.Target.open(places.publish_target(config, root))
    for leftover in found:
        if store and leftover.artifact is not None:
            _mark_deleted(store, leftover.artifact)
        if leftover.version is not None:
            publish.remove(target, leftover.version)
        elif os.path.isfile(leftover.path):
            os.unlink(leftover.path)
        else:
            shutil.rmtree(leftover.path, ignore_errors=True)


def _known(config: Config, root: OutputRoot) -> bool:
    """Whether a run can have been here; looking must not make a store."""
    return config.run.metadata.shared or root.metadata.exists()


def _summarised(run: pathlib.Path) -> bool:
    return (run / SUMMARY_FILE).exists()


def _outputs(
    store: MetadataStore, root: OutputRoot, stages: list[int], retired: Mapping[str, int]
) -> Iterator[Leftover]:
    """Folders of executions whose outputs no kept run wrote or read, its cached stages included; and retired ones."""
    used, ids = _used(store, stages), set(map(str, stages))
    recorded = {artifact.uri: artifact.id for artifact in store.get_artifacts() if artifact.state == pb.Artifact.LIVE}
    for output in sorted(root.artifacts.glob("*/*/*")):
        path = str(output)
        if output.parent.name == _SYSTEM:
            left = [scratch for scratch in output.iterdir() if output.name != _EXECUTIONS or scratch.name not in ids]
            yield from (_leftover(scratch, KILLED if output.name != _EXECUTIONS else OLD_RUN) for scratch in left)
        elif path in retired:
            yield _leftover(output, RETIRED, artifact=retired[path])
        elif path not in used:
            yield _leftover(output, OLD_RUN if path in recorded else KILLED, artifact=recorded.get(path))


def _used(store: MetadataStore, executions: list[int]) -> set[str]:
    """Addresses of what executions read and wrote."""
    events = store.get_events_by_execution_ids(executions) if executions else []
    return {artifact.uri for artifact in store.get_artifacts_by_id({event.artifact_id for event in events})}


def _reports(
    store: MetadataStore, kept: Mapping[pathlib.Path, list[int]], retired: Mapping[str, int]
) -> Iterator[Leftover]:
    """Pages of runs that used what is retired: they show histories."""
    for run, stages in kept.items():
        page = run / REPORT_FILE
        if page.exists() and retired.keys() & _used(store, stages):
            yield Leftover(page, RETIRED, page.stat().st_size)


def _models(config: Config, root: OutputRoot, retired: Mapping[str, int]) -> Iterator[Leftover]:
    """Versions; a retired one that is the newest stays until there is another, since it is served."""
    address = places.publish_target(config, root)
    target, published = versions.Target.open(address), versions.published_versions(address)
    of_retired = {_plain(uri): number for uri, number in retired.items()}
    found: list[tuple[int, str, int | None]] = []
    for at, version in enumerate(published):
        artifact = of_retired.get(_plain(version.path)) if at else None
        if artifact is not None or at >= config.run.keep.models:
            found.append((version.manifest.version, OLD_MODEL if artifact is None else RETIRED, artifact))
    if not target.local:
        found += [(number, KILLED_PUSH, None) for number in upload.abandoned(target)]
    for number, why, artifact in found:
        path = pathlib.Path(target.folder(number)) if target.local else target.address(number)
        size = _size(path) if isinstance(path, pathlib.Path) else target.system.du(target.folder(number))
        yield Leftover(path, why, size, artifact, version=number)


def _plain(address: str) -> str:
    """An address as one spelling."""
    return stores.canonical(address).rstrip("/")


def _checkpoints(root: OutputRoot, days: float) -> Iterator[Leftover]:
    oldest = time.time() - days * _DAY
    for folder in sorted(root.checkpoints.glob("*")):
        if max(path.stat().st_mtime for path in [folder, *folder.rglob("*")]) < oldest:
            yield _leftover(folder, OLD_CHECKPOINT)


def _leftover(path: pathlib.Path, why: str, artifact: int | None = None) -> Leftover:
    return Leftover(path, why, _size(path), artifact)


def _size(path: pathlib.Path) -> int:
    """Bytes of all files below; 0 for what isn't on this machine."""
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def _mark_deleted(store: MetadataStore, artifact_id: int) -> None:
    (artifact,) = store.get_artifacts_by_id([artifact_id])
    artifact.state = pb.Artifact.DELETED
    store.put_artifacts([artifact])
