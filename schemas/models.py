"""Where the SavedModel lies under the address of a Model artifact."""

from __future__ import annotations

from typing import Final

from schemas import stores
from schemas.errors import ModelError

SAVED_MODEL_FILE: Final = "saved_model.pb"
EXPORTED_ITEMS: Final = "assets.extra/items.parquet"  # beside it, where there is an items table: an item a row
START_WEIGHTS: Final = "assets.extra/warm_start/weights.npz"  # what a later training can begin with (ranker.warm_start)
START_ROWS: Final = "assets.extra/warm_start/rows.parquet"  # which item, user or category each row of a table is
_TRAINED: Final = "Format-Serving"  # TFX's folder for it, inside what Trainer makes: the model that is measured
REFIT_FOLDER: Final = "Format-Refit"  # beside it, where configured: trained on all labels, so never measured


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
