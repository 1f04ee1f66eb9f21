"""A model's files as they are published: in the clear, or each encrypted, before anything reaches the target."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import posixpath
import tempfile
from typing import TYPE_CHECKING, Final

from schemas import encryption, stores
from schemas.digest import combined_digest, directory_digest
from schemas.errors import PublishError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.keys import KeyOptions

_CHUNK: Final = 1 << 20  # bytes at a time


@contextlib.contextmanager
def prepared(source: str, digest: str, options: KeyOptions | None) -> Iterator[tuple[str, str]]:
    """What to publish.

    Args:
        source: folder of the SavedModel, local or a URL that fsspec can open.
        digest: of its files.
        options: the key; None: nothing is encrypted.
    Yields: a folder, which goes with the block where it isn't the source itself, and the digest of its files.
    Raises: ConfigError: the key can't be read. PublishError: the model changed while it was read.
    """
    if options is None:
        yield source, digest
        return
    with tempfile.TemporaryDirectory(prefix="seqrank-") as scratch:
        if _encrypt(source, pathlib.Path(scratch), options) != digest:
            raise PublishError(
                "The model changed while it was encrypted.", where=source, next_step="Run the same command."
            )
        yield scratch, directory_digest(scratch)


def _encrypt(source: str, to: pathlib.Path, key: KeyOptions) -> str:
    """Returns: the digest of what was read, in the clear."""
    system, root = stores.url_to_fs(source)
    root, digests = root.rstrip("/"), {}
    for path in system.find(root):
        name = posixpath.relpath(path, root)
        os.makedirs((to / name).parent, exist_ok=True)
        digest = hashlib.sha256()
        with system.open(path, "rb") as read, (to / name).open("wb") as file, encryption.written(file, key) as written:
            while piece := read.read(_CHUNK):
                digest.update(piece)
                written.write(piece)
        digests[name] = digest.hexdigest()
    return combined_digest(digests)
