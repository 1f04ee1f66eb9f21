"""One digest for a folder of files: how a model is told from another, wherever it lies."""

from __future__ import annotations

import hashlib
import json
import posixpath
from typing import TYPE_CHECKING, Any

from schemas import stores
from schemas.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import fsspec

_CHUNK = 1 << 20  # bytes read at a time


def directory_digest(path: str, *, leave_out: Collection[str] = ()) -> str:
    """Digest of the files under a folder: their relative names and contents, nothing else.

    Args:
        path: a local folder, or a URL that fsspec can open.
        leave_out: relative names that don't count, such as a manifest written beside the files.
    Returns: SHA-256 as 64 hexadecimal digits; the same for a copy of the folder.
    Raises: ModelError: there is no file.
    """
    system, root = stores.url_to_fs(str(path))
    root = root.rstrip("/")
    names = {posixpath.relpath(name, root): name for name in system.find(root)}
    if not names:
        raise ModelError("There is no file to make a digest of.", where=str(path))
    counted = set(names) - set(leave_out)
    return combined_digest({relative: _file_digest(system, names[relative]) for relative in counted})


def combined_digest(files: Mapping[str, str]) -> str:
    """Digest of a folder whose files' digests are known: SHA-256 by relative name."""
    total = hashlib.sha256()
    for relative in sorted(files):
        total.update(f"{relative}\n{files[relative]}\n".encode())
    return total.hexdigest()


def work_digest(inputs: Mapping[str, str], knobs: Mapping[str, Any]) -> str:
    """What a piece of work is, wherever its inputs lie: a key for what it must keep to go on after a kill.

    Args:
        inputs: folders by name, local or ones that fsspec can open.
        knobs: whatever else decides what comes out; what JSON doesn't know counts as its str().
    Returns: SHA-256 as 64 hexadecimal digits.
    """
    parts = {**knobs, **{name: directory_digest(folder) for name, folder in inputs.items()}}
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _file_digest(system: fsspec.AbstractFileSystem, name: str) -> str:
    """SHA-256 of one file, read a piece at a time."""
    digest = hashlib.sha256()
    with system.open(name, "rb") as file:
        for piece in iter(lambda: file.read(_CHUNK), b""):
            digest.update(piece)
    return digest.hexdigest()
