"""The versions under a publish target, as Pusher leaves them, and their files on this machine.

<target>/<version>/saved_model.pb is what makes a version one (TensorFlow Serving's layout). In an object store it is
written last; a version is copied from there before it is loaded.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import posixpath
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas import stores
from schemas.errors import ModelError
from schemas.models import SAVED_MODEL_FILE, opened
from schemas.runs import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from schemas.keys import KeyOptions

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Version:
    """One complete version.

    Args:
        number: its name as a folder; 0 for a model that was given by its own folder.
        path: the folder, local or a URL.
    """

    number: int
    path: str


def complete(place: str) -> list[Version]:
    """The versions that a model server would load, newest first.

    Args:
        place: a publish target, or the folder of one model; local or a URL that fsspec can open.
    Returns: an empty list where there is none (yet).
    Raises: ConfigError: there is no package for such an address. OSError and the like: the store doesn't answer.
    """
    stores.check(place, "the model")
    system, root = stores.url_to_fs(place)
    root = root.rstrip("/")
    system.invalidate_cache()
    if system.exists(f"{root}/{SAVED_MODEL_FILE}"):
        name = posixpath.basename(root)
        return [Version(int(name) if _is_number(name) else 0, place.rstrip("/"))]
    try:
        names = [posixpath.basename(path.rstrip("/")) for path in system.ls(root, detail=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    numbers = sorted((int(name) for name in names if _is_number(name)), reverse=True)
    return [
        Version(number, f"{place.rstrip('/')}/{number}")
        for number in numbers
        if system.exists(f"{root}/{number}/{SAVED_MODEL_FILE}")
    ]


def manifest(folder: pathlib.Path) -> Manifest | None:
    """What Pusher wrote beside the model; None: nothing that can be read."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


@contextlib.contextmanager
def on_disk(path: str, key: KeyOptions | None = None) -> Iterator[pathlib.Path]:
    """A version's files on this machine, in the clear: its own folder, or a copy that goes with the block.

    Args:
        path: the folder, local or a URL.
        key: of an encrypted model; None: where it was when the model was published.
    Raises: ModelError: they can't be copied. ConfigError, DataError: they can't be decrypted.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(opened(path, key))
        except Exception as error:
            if not isinstance(error, stores.failures()):
                raise
            raise ModelError(
                "The model can't be fetched.", where=path, why=f"{type(error).__name__}: {error}"
            ) from error
        yield folder


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
