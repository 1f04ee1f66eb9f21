"""Writes a version to an object store, which has no rename and no lock, and whose connection may break at any byte.

The manifest claims the version's number: it is written on condition that there is none. The model's files follow, and
saved_model.pb last, in one request, once what arrived has been compared with what was sent. Without that file neither
TensorFlow Serving nor KServe nor we ourselves see a version, so until then the old one is served.

Nothing keeps pushes apart, so each has a time limit for that last request, and what another one began is swept only
when twice that time is over.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import logging
import posixpath
import time
from typing import TYPE_CHECKING, Final

from schemas import stores
from schemas.digest import combined_digest
from schemas.errors import PublishError
from schemas.models import SAVED_MODEL_FILE
from schemas.runs import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    import fsspec

    from components.pusher.versions import Target

TIME_TO_PUSH = 3600.0  # seconds from the claim to the last request
ABANDONED = 2 * TIME_TO_PUSH  # seconds after which nobody will go on with a push
_PART = 16 << 20  # bytes of a request, where a file takes several
_CHUNK = 1 << 20  # bytes read at a time
_PATIENCE = 120.0  # seconds that any file may take,
_SLOWEST: Final = 100_000  # and one more for that many bytes
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _Sent:
    """What went to the store of one file: its SHA-256 in hex, and its bytes."""

    sha256: str
    size: int


class BrokenOffError(OSError):
    """A store failed in the middle of one file.

    Args:
        text: which, and how.
        shown: it was saved_model.pb, and the store may have it all the same.
    """

    def __init__(self, text: str, *, shown: bool = False) -> None:
        super().__init__(text)
        self.shown = shown


def upload(system: fsspec.AbstractFileSystem, root: str, target: Target, manifest: Manifest, digest: str) -> Manifest:
    """Writes a model's files under the manifest's version, or under the first one after it that is free.

    Args:
        system, root: where the SavedModel's folder is.
        target: an object store.
        manifest: with the version's number and time.
        digest: of the files in that folder.
    Returns: the manifest as written.
    Raises: PublishError: the model changed under way, not all of it arrived, or it took longer than TIME_TO_PUSH.
        Whatever `stores.failures` names, BrokenOffError among it: the store failed.
    """
    began = time.monotonic()
    manifest = _claim(target, manifest)
    folder = target.folder(manifest.version)
    try:
        names = sorted(posixpath.relpath(path, root) for path in system.find(root))
        sent = {}
        for name in (name for name in names if name != SAVED_MODEL_FILE):
            sent[name] = _send(system, f"{root}/{name}", target, f"{folder}/{name}")
        graph = system.cat_file(f"{root}/{SAVED_MODEL_FILE}")
        shown = _Sent(hashlib.sha256(graph).hexdigest(), len(graph))
        _compare({**sent, SAVED_MODEL_FILE: shown}, digest, root)
        _check_arrival(target, folder, sent)
        if time.monotonic() - began > TIME_TO_PUSH:
            raise PublishError(
                f"The push took longer than {TIME_TO_PUSH:.0f} s, after which another one may sweep it.",
                where=target.address(manifest.version),
                next_step="Run the same command where the store is nearer.",
            )
    except BaseException:
        _clear(target, folder)
        raise
    _show(target, folder, graph)
    return manifest


def abandoned(target: Target, age: float | None = None) -> list[int]:
    """Versions that a push of ours began, that no model server would load, and that nobody works at any more.

    Args:
        target: an object store.
        age: seconds since the push began; None: ABANDONED.
    """
    age = ABANDONED if age is None else age
    return [version for version in target.numbers() if _begun(target, version, age) and not target.complete(version)]


def _begun(target: Target, version: int, age: float) -> bool:
    try:
        written = target.system.modified(f"{target.folder(version)}/{MANIFEST_FILE}")
    except FileNotFoundError:
        return False
    written = written if written.tzinfo else written.replace(tzinfo=datetime.timezone.utc)
    return (datetime.datetime.now(datetime.timezone.utc) - written).total_seconds() >= age


def delete(target: Target, folder: str) -> None:
    """Removes a version's files, saved_model.pb first and the manifest last: cut off in between, `abandoned` has it.

    Two may do it at once.
    """
    stores.within(_PATIENCE, lambda: _delete(target, folder))


def _delete(target: Target, folder: str) -> None:
    system, found = target.system, target.system.find(folder)
    first, last = ([path for path in found if path.endswith(f"/{name}")] for name in (SAVED_MODEL_FILE, MANIFEST_FILE))
    for paths in (first, [path for path in found if path not in (*first, *last)], last):
        if paths:
            with contextlib.suppress(FileNotFoundError):
                system.rm(paths)


def _claim(target: Target, manifest: Manifest) -> Manifest:
    """Takes a number: two pushes can't have the same one, for the store writes a claim only where there is none."""
    while not _claimed(target, manifest):
        manifest = manifest.model_copy(update={"version": manifest.version + 1})
    return manifest


def _claimed(target: Target, manifest: Manifest) -> bool:
    path, text = f"{target.folder(manifest.version)}/{MANIFEST_FILE}", manifest.model_dump_json(indent=2) + "\n"
    try:
        stores.within(_PATIENCE, lambda: target.system.pipe_file(path, text.encode(), mode="create"))
    except Exception as error:
        if not isinstance(error, stores.failures()) or not target.system.exists(path):
            raise
        return False
    return True


def _send(system: fsspec.AbstractFileSystem, path: str, target: Target, place: str) -> _Sent:
    """Copies one file, a piece at a time."""
    limit = _PATIENCE + system.size(path) / _SLOWEST
    try:
        return stores.within(limit, lambda: _copy(system, path, target, place))
    except Exception as error:
        if not isinstance(error, stores.failures()):
            raise
        raise _broken_off(place, error) from error


def _broken_off(place: str, error: Exception, *, shown: bool = False) -> BrokenOffError:
    return BrokenOffError(f"at {place}: {type(error).__name__}: {error}", shown=shown)


def _copy(system: fsspec.AbstractFileSystem, path: str, target: Target, place: str) -> _Sent:
    digest, size = hashlib.sha256(), 0
    with system.open(path, "rb") as read, target.system.open(place, "wb", block_size=_PART) as written:
        while piece := read.read(_CHUNK):
            written.write(piece)
            digest.update(piece)
            size += len(piece)
    return _Sent(digest.hexdigest(), size)


def _compare(sent: dict[str, _Sent], digest: str, root: str) -> None:
    if combined_digest({name: file.sha256 for name, file in sent.items()}) != digest:
        raise PublishError("The model changed while it was copied.", where=root, next_step="Run the same command.")


def _check_arrival(target: Target, folder: str, sent: dict[str, _Sent]) -> None:
    """Asks the store for what it has: a sweep by somebody with a wrong clock, say, could have taken files away."""
    found = target.system.find(folder, detail=True)
    sizes = {
        posixpath.relpath(path, target.system._strip_protocol(folder)): file["size"] for path, file in found.items()
    }
    wrong = [name for name, file in sent.items() if sizes.get(name) != file.size]
    if wrong:
        raise PublishError(
            "Not all of the model arrived.",
            where=folder,
            why=f"{wrong[0]}: {sent[wrong[0]].size} bytes were sent, the store has {sizes.get(wrong[0], 'none')}.",
            next_step="See that nobody else removes files there, then run the same command.",
        )


def _clear(target: Target, folder: str) -> None:
    """Takes away what a push wrote that ends without its last request. A later one sweeps what can't be had now."""
    try:
        delete(target, folder)
    except Exception as error:
        if not isinstance(error, stores.failures()):
            raise
        _log.warning("What there is of %s stays until a later push sweeps it (%s).", folder, type(error).__name__)


def _show(target: Target, folder: str, graph: bytes) -> None:
    """Writes saved_model.pb, in one request: from then on the version is served.

    Where the answer is lost the store says whether it has the file. Nothing is taken away where it doesn't: the
    request may still be on its way, and would show a version without its files.
    """
    place = f"{folder}/{SAVED_MODEL_FILE}"
    limit = _PATIENCE + len(graph) / _SLOWEST
    try:
        stores.within(limit, lambda: target.system.pipe_file(place, graph))
    except Exception as error:
        if not isinstance(error, stores.failures()):
            raise
        if not _arrived(target, place, len(graph)):
            raise _broken_off(place, error, shown=True) from error


def _arrived(target: Target, place: str, size: int) -> bool:
    try:
        return bool(stores.within(_PATIENCE, lambda: target.system.size(place)) == size)
    except Exception as error:
        if not isinstance(error, stores.failures()):
            raise
        return False
