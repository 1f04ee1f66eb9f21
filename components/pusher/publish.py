"""Puts a model where a model server reads it: whole or not at all, whatever happens in between.

On a local disk the model is copied into a hidden folder beside the versions, which one rename then makes visible. An
object store has no such rename: there saved_model.pb goes last (upload.py). What a killed push left is swept by the
next one; in an object store by one that comes when nobody can be at it any more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import logging
import os
import pathlib
import posixpath
import shutil
import time
from typing import IO, TYPE_CHECKING

import filelock

from components.pusher import upload
from components.pusher.versions import Published, Target
from schemas import stores
from schemas.digest import directory_digest
from schemas.errors import PublishError
from schemas.runs import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import fsspec

_log = logging.getLogger(__name__)
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


def push(source: str, target: str, manifest: Manifest, *, keep: int | None = None, digest: str = "") -> Push:
    """Publishes a model as the next version, unless it is the newest already.

    The version's number is the time in seconds since 1970, or one more than any that is there.

    Args:
        source: folder of the SavedModel, local or a URL that fsspec can open.
        target: the publish target, likewise.
        manifest: what to write beside the model; `version` and `published_at` are set here.
        keep: versions that stay, the newest first; None: all.
        digest: of the files in `source`, where they are encrypted; "": the manifest's own.
    Returns: the newest version, and whether it is a new one.
    Raises: PublishError: the target can't be written, or the model changed while it was copied.
    """
    opened = Target.open(target)
    try:
        with _alone(opened):
            sweep(opened)
            numbers = opened.numbers()
            newest = next(filter(None, map(opened.published, numbers)), None)
            if newest and _same(newest.manifest, manifest):
                return Push(newest, new=False)
            version = max([int(time.time()), *(number + 1 for number in numbers[:1])])
            dated = _write(source, opened, _dated(manifest, version), digest or manifest.digest)
            if keep is not None:
                _keep(opened, keep)
            return Push(Published(opened.address(dated.version), dated), new=True)
    except Exception as error:
        if not isinstance(error, stores.failures()):
            raise
        raise _worded(error, target, local=opened.local) from error


def _same(one: Manifest, other: Manifest) -> bool:
    """Whether two say of the same model that it lies there in the same form."""
    return (one.digest, one.encryption) == (other.digest, other.encryption)


def _worded(error: Exception, target: str, *, local: bool) -> PublishError:
    """Only saved_model.pb's own request, broken off, may have been carried out all the same."""
    unsure = isinstance(error, upload.BrokenOffError) and error.shown
    there = "the folder can be written and has room" if local else "the store answers, and lets these keys write there"
    return PublishError(
        "The model can't be published; what was served before still is"
        + (", unless the store carries out what it didn't answer." if unsure else "."),
        where=target,
        why=str(error) if isinstance(error, upload.BrokenOffError) else f"{type(error).__name__}: {error}",
        next_step=f"See that {there} (pusher.target), then run the same command.",
    )


def sweep(target: Target, age: float | None = None) -> None:
    """Removes what killed pushes left. A version that a model server would load is never touched.

    Args:
        target: where.
        age: seconds since a push into an object store began, after which nobody is at it any more; None: two hours.
    """
    if target.local:
        for name in target.names():
            if name.startswith((_STAGING, _REMOVED)):
                shutil.rmtree(target.folder(name))
        return
    for version in upload.abandoned(target, age):
        upload.delete(target, target.folder(version))


def remove(target: Target, version: int) -> None:
    """Takes a version away: first out of the model server's sight, then its files."""
    folder = target.folder(version)
    if target.local:
        hidden = target.folder(f"{_REMOVED}{version}")
        os.rename(folder, hidden)
        shutil.rmtree(hidden)
    else:
        upload.delete(target, folder)


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


def _write(source: str, target: Target, manifest: Manifest, digest: str) -> Manifest:
    """Returns: the manifest as written; on an object store another push may have taken its number."""
    system, root = stores.url_to_fs(source)
    root = root.rstrip("/")
    if not target.local:
        return upload.upload(system, root, target, manifest, digest)
    staging = target.folder(f"{_STAGING}{manifest.version}")
    try:
        _copy(system, root, staging, manifest)
        _check(staging, digest)
        for folder, _, _ in os.walk(staging):
            _sync_folder(folder)
        os.rename(staging, target.folder(manifest.version))
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _sync_folder(target.root)
    return manifest


def _copy(system: fsspec.AbstractFileSystem, root: str, folder: str, manifest: Manifest) -> None:
    """Writes the manifest and the model's files into a new folder on this machine."""
    with _created(f"{folder}/{MANIFEST_FILE}") as file:
        file.write((manifest.model_dump_json(indent=2) + "\n").encode())
    for path in sorted(system.find(root)):
        with system.open(path, "rb") as read, _created(f"{folder}/{posixpath.relpath(path, root)}") as written:
            shutil.copyfileobj(read, written, _CHUNK)


@contextlib.contextmanager
def _created(path: str) -> Iterator[IO[bytes]]:
    """A new file, which is on the disk itself when the block ends."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _check(staging: str, digest: str) -> None:
    if directory_digest(staging, leave_out=(MANIFEST_FILE,)) != digest:
        raise PublishError("The model changed while it was copied.", where=staging, next_step="Run the same command.")


def _sync_folder(folder: str) -> None:
    """Makes the names in a folder last, as fsync on the files themselves does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep(target: Target, keep: int) -> None:
    """The new version is served by now: a store that refuses to forget an old one is no reason to fail."""
    complete = [version for version in target.numbers() if target.published(version)]
    try:
        for version in complete[keep:]:
            remove(target, version)
    except Exception as error:
        if target.local or not isinstance(error, stores.failures()):
            raise
        _log.warning("Old versions can't be removed (%s: %s).", type(error).__name__, error)
