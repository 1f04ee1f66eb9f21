"""Where the SavedModel lies under the address of a Model artifact, and what lies beside it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas import encryption, stores
from schemas.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.keys import KeyOptions

SAVED_MODEL_FILE: Final = "saved_model.pb"
EXPORTED_ITEMS: Final = "assets.extra/items.parquet"  # beside it, where there is an items table: an item a row
EXPORTED_FACTS: Final = "assets.extra/model.json"  # beside it: Facts
START_WEIGHTS: Final = "assets.extra/warm_start/weights.npz"  # what a later training can begin with (ranker.warm_start)
START_ROWS: Final = "assets.extra/warm_start/rows.parquet"  # which item, user or category each row of a table is
_TRAINED: Final = "Format-Serving"  # TFX's folder for it, inside what Trainer makes: the model that is measured
REFIT_FOLDER: Final = "Format-Refit"  # beside it, where configured: trained on all labels, so never measured


class Facts(BaseModel):
    """What a server can't read off the signatures.

    Args:
        mask_seen: the model's own answers leave out the items of the history; `rank` has to be told of them.
        window: newest events of a history that the model itself reads.
    """

    model_config = ConfigDict(frozen=True)

    mask_seen: bool = True
    window: int = 50


def read_facts(folder: str | os.PathLike[str]) -> Facts:
    """Of a SavedModel's folder on this machine; the defaults for a model of before there was such a file.

    Raises: ModelError: the file can't be read.
    """
    path = pathlib.Path(folder) / EXPORTED_FACTS
    try:
        return Facts.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Facts()
    except (OSError, ValidationError) as error:
        raise ModelError("What the model says of itself can't be read.", where=str(path), why=str(error)) from error


@contextlib.contextmanager
def opened(folder: str, key: KeyOptions | None = None) -> Iterator[pathlib.Path]:
    """A SavedModel's folder on this machine, in the clear: itself, or a copy that goes with the block.

    Only this user can read the copy of an encrypted one. It lies where TMPDIR says, which may well be memory.

    Args:
        folder: local or a URL that fsspec can open.
        key: of an encrypted model; None: where it was when the model was published.
    Raises: ConfigError: the key can't be read, or is another one. DataError: an encrypted file was changed.
    """
    with stores.on_disk(folder) as found:
        path = pathlib.Path(found)
        if not _encrypted(path):
            yield path
            return
        with tempfile.TemporaryDirectory(prefix="seqrank-") as scratch:
            decrypt(path, pathlib.Path(scratch), key)
            yield pathlib.Path(scratch)


def decrypt(folder: pathlib.Path, to: pathlib.Path, key: KeyOptions | None = None) -> int:
    """Copies a folder, or one file into a folder, with what is encrypted in the clear.

    Returns: how many files were encrypted. Raises: as `opened`.
    """
    count, root = 0, folder if folder.is_dir() else folder.parent
    for path in sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else [folder]:
        made = to / path.relative_to(root)
        made.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, made.open("wb") as target:
            if encryption.is_encrypted(source):
                encryption.decrypt(source, target, str(path), key)
                count += 1
            else:
                shutil.copyfileobj(source, target)
    return count


def _encrypted(folder: pathlib.Path) -> bool:
    try:
        with (folder / SAVED_MODEL_FILE).open("rb") as file:
            return encryption.is_encrypted(file)
    except (FileNotFoundError, NotADirectoryError):  # what loads it says so better
        return False


def saved_model_folder(uri: str) -> str:
    """Folder of the SavedModel of a Model artifact, be it Trainer's own or a published version.

    Args:
        uri: the artifact's address, local or one that fsspec can open.
    Returns: <uri>/Format-Serving where that holds a SavedModel, else the uri itself.
    Raises: ModelError: neither holds one.
    """
    system, root = stores.url_to_fs(uri)
    for folder in (f"{uri.rstrip('/')}/{_TRAINED}", uri.rstrip("/")):
        inside = system._strip_protocol(stores.canonical(folder))
        if system.exists(f"{inside}/{SAVED_MODEL_FILE}"):
            return folder
    raise ModelError(f"There is no {SAVED_MODEL_FILE} here, nor in {_TRAINED}.", where=root)


def publishable_folder(uri: str) -> str:
    """Folder of the SavedModel that is to be published: the one trained on all labels, where there is one.

    Args:
        uri: the Model artifact's address, local or one that fsspec can open.
    Returns: <uri>/Format-Refit where that holds a SavedModel, else `saved_model_folder(uri)`.
    Raises: ModelError: there is neither.
    """
    system, root = stores.url_to_fs(uri)
    if system.exists(f"{root.rstrip('/')}/{REFIT_FOLDER}/{SAVED_MODEL_FILE}"):
        return f"{uri.rstrip('/')}/{REFIT_FOLDER}"
    return saved_model_folder(uri)
