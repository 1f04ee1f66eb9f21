"""Where the SavedModel lies under the address of a Model artifact."""

from __future__ import annotations

from typing import Final

import fsspec

from schemas.errors import ModelError

SAVED_MODEL_FILE: Final = "saved_model.pb"
_TRAINED: Final = "Format-Serving"  # TFX's folder for it, inside what Trainer makes


def saved_model_folder(uri: str) -> str:
    """Folder of the SavedModel of a Model artifact, be it Trainer's own or a published version.

    Args:
        uri: the artifact's address, local or one that fsspec can open.
    Returns: <uri>/Format-Serving where that holds a SavedModel, else the uri itself.
    Raises: ModelError: neither holds one.
    """
    system, root = fsspec.core.url_to_fs(uri)
    for folder in (f"{uri.rstrip('/')}/{_TRAINED}", uri.rstrip("/")):
        inside = system._strip_protocol(folder)
        if system.exists(f"{inside}/{SAVED_MODEL_FILE}"):
            return folder
    raise ModelError(f"There is no {SAVED_MODEL_FILE} here, nor in {_TRAINED}.", where=root)
