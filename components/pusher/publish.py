"""Puts a model where a model server reads it: whole or not at all, whatever happens in between.

On a local disk the model is copied into a hidden folder beside the versions, which one rename then makes visible. An
object store has no such rename: there the manifest goes first and saved_model.pb last, and without that file neither
TensorFlow Serving nor KServe nor we ourselves see a version. What a killed push left is swept by the next one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import pathlib
import posixpath
import shutil
import time
from typing import IO, TYPE_CHECKING

import filelock
import fsspec

from components.pusher.versions import Published, Target
from schemas.digest import directory_digest
from schemas.errors import PublishError
from schemas.models import SAVED_MODEL_FILE
from schemas.runs import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = ".pusher.lock"
_STAGING = ".push-"  # hidden, and no number: no model server takes it for a version
_REMOVED = ".removed-"
_CHUNK = 1 << 20  # bytes copied at a time
_PATIENCE = 600.0  # seconds to wait for another push into the same target


@dataclasses.dataclass(frozen=True)
class Push:
    """What a push did.

    Args:
        published: the newest version after it.
        new: False: that version was there before, with the same digest.
    """

    published: Published
    new: bool


def push(source: str, target: str, manifest: Manifest, *, keep: int | None = None) -> Push:
    """Publishes a model as the next version, unless it is the newest already.

    The version's number is the time in seconds since 1970, or one more than any that is there. On an object store
    nothing keeps two pushes into one target apart: whoever runs the pipeline does (one output root, one target).

    Args:
        source: folder of the SavedModel, local or a URL that fsspec can open.
        target: the publish target, likewise.
        manifest: what to write beside the model; `version` and `published_at` are set here.
        keep: versions that stay, the newest first; None: all.
    Returns: the newest version, and whether it is a new one.
    Raises: PublishError: the target can't be written, or the model changed while it was copied.
    """
    opened = Target.open(target)
    try:
        with _alone(opened):
            sweep(opened)
            numbers = opened.numbers()
            newest = next(filter(None, map(opened.published, numbers)), None)
            if newest and newest.manifest.digest == manifest.digest:
                return Push(newest, new=False)
            version = max([int(time.time()), *(number + 1 for number in numbers[:1])])
            dated = _dated(manifest, version)
            _write(source, opened, dated)
            if keep is not None:
                _keep(opened, keep)
            return Push(Published(opened.address(version), dated), new=True)
    except OSError as error:
        raise PublishError(
            "The model can't be published; what was served before still is.",
            where=target,
            why=f"{type(error).__name__}: {error}",
            next_step="See that the folder can be written and has room (pusher.target), then run the same command.",
        ) from error


def sweep(target: Target) -> None:
    """Removes what killed pushes left. A version that a model server would load is never touched."""
    if target.local:
        for name in target.names():
            if name.startswith((_STAGING, _REMOVED)):
                shutil.rmtree(target.folder(name))
        return
    for version in target.numbers():
        begun = target.system.exists(f"{target.folder(version)}/{MANIFEST_FILE}")
        if begun and not target.complete(version):
            target.system.rm(target.folder(version), recursive=True)


def remove(target: Target, version: int) -> None:
    """Takes a version away: first out of the model server's sight, then its files."""
    folder = target.folder(version)
    if target.local:
        hidden = target.folder(f"{_REMOVED}{version}")
        os.rename(folder, hidden)
        shutil.rmtree(hidden)
    else:
        target.system.rm_file(f"{folder}/{SAVED_MODEL_FILE}")
        target.system.rm(folder, recursive=True)


@contextlib.contextmanager
def _alone(target: Target) -> Iterator[None]:
    """Holds a local target's lock, which the system lets go when the process dies."""
    if not target.local:
        yield
        return
    pathlib.Path(target.root).mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(target.folder(_LOCK), timeout=_PATIENCE):
            yield
    except filelock.Timeout as error:
        raise PublishError(
            f"Another push has been writing here for {_PATIENCE:.0f} s.",
            where=target.root,
            next_step="Run the same command again when it has ended.",
        ) from error


def _dated(manifest: Manifest, version: int) -> Manifest:
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return manifest.model_copy(update={"version": version, "published_at": now})


def _write(source: str, target: Target, manifest: Manifest) -> None:
    if not target.local:
        _copy(source, target, target.folder(manifest.version), manifest)
        return
    staging = target.folder(f"{_STAGING}{manifest.version}")
    try:
        _copy(source, target, staging, manifest)
        _check(staging, manifest)
        for folder, _, _ in os.walk(staging):
            _sync_folder(folder)
        os.rename(staging, target.folder(manifest.version))
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _sync_folder(target.root)


def _copy(source: str, target: Target, folder: str, manifest: Manifest) -> None:
    """Writes the manifest, then the model's files, then saved_model.pb.

    That one goes in a single call: a file that fsspec streams to an object store is committed even where reading it
    broke off in the middle.
    """
    system, root = fsspec.core.url_to_fs(source)
    root = root.rstrip("/")
    with _created(target, f"{folder}/{MANIFEST_FILE}") as file:
        file.write((manifest.model_dump_json(indent=2) + "\n").encode())
    names = {posixpath.relpath(path, root) for path in system.find(root)}
    for name in sorted(names - {SAVED_MODEL_FILE}):
        with system.open(f"{root}/{name}", "rb") as read, _created(target, f"{folder}/{name}") as written:
            shutil.copyfileobj(read, written, _CHUNK)
    graph = system.cat_file(f"{root}/{SAVED_MODEL_FILE}")
    if target.local:
        with _created(target, f"{folder}/{SAVED_MODEL_FILE}") as file:
            file.write(graph)
    else:
        target.system.pipe_file(f"{folder}/{SAVED_MODEL_FILE}", graph)


@contextlib.contextmanager
def _created(target: Target, path: str) -> Iterator[IO[bytes]]:
    """A new file; a local one is on the disk itself when the block ends."""
    target.system.makedirs(posixpath.dirname(path), exist_ok=True)
    with target.system.open(path, "wb") as file:
        yield file
        if target.local:
            file.flush()
            os.fsync(file.fileno())


def _check(staging: str, manifest: Manifest) -> None:
    if directory_digest(staging, leave_out=(MANIFEST_FILE,)) != manifest.digest:
        raise PublishError("The model changed while it was copied.", where=staging, next_step="Run the same command.")


def _sync_folder(folder: str) -> None:
    """Makes the names in a folder last, as fsync on the files themselves does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep(target: Target, keep: int) -> None:
    complete = [version for version in target.numbers() if target.published(version)]
    for version in complete[keep:]:
        remove(target, version)
