"""What a training must keep to go on as if it had never been killed, in one file.

One file, because a file appears whole or not at all: on a disk by renaming, in an object store by nature. So there
is no moment at which a kill leaves half a checkpoint.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import posixpath
import zipfile
from typing import Any

import numpy as np
from fsspec.implementations.local import LocalFileSystem

from schemas import stores
from schemas.errors import ModelError

Arrays = list[np.ndarray]
_GROUPS = ("weights", "optimizer", "best_weights")


@dataclasses.dataclass
class TrainingState:
    """A training after some epochs.

    epoch: epochs that are done. weights, optimizer, best_weights: arrays in the order of the model's weights and of
    the optimizer's variables (dropout's randomness is among the weights). best_epoch: 1 is the first, 0 none yet.
    best: the head's metric of validation after it, its negative where less is better. waited: epochs since. stopped:
    early, for lack of progress. history: what Keras logged, one dictionary an epoch, with its `seconds`. seed: of the
    rows' order.
    """

    seed: int
    epoch: int = 0
    weights: Arrays = dataclasses.field(default_factory=list)
    optimizer: Arrays = dataclasses.field(default_factory=list)
    best_weights: Arrays = dataclasses.field(default_factory=list)
    best_epoch: int = 0
    best: float = float("-inf")
    waited: int = 0
    stopped: bool = False
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)


def save(state: TrainingState, path: str) -> None:
    """Writes a state so that `path` is always a whole one, the one before or this.

    Args:
        state: what to keep.
        path: a local file, or a URL that fsspec can write.
    """
    arrays = {f"{group}/{n:05d}": array for group in _GROUPS for n, array in enumerate(getattr(state, group))}
    rest = {field.name: getattr(state, field.name) for field in dataclasses.fields(state) if field.name not in _GROUPS}
    buffer = io.BytesIO()
    np.savez(buffer, state=np.array(json.dumps(rest)), **arrays)
    write(path, buffer.getbuffer())


def write(path: str, data: bytes | memoryview) -> None:
    """Writes a file so that `path` is always a whole one, the one before or this.

    Args:
        path: a local file, or a URL that fsspec can write; its folder need not exist.
        data: all of it.
    """
    system, name = stores.url_to_fs(path)
    system.makedirs(posixpath.dirname(name), exist_ok=True)
    if not isinstance(system, LocalFileSystem):
        system.pipe_file(name, bytes(data))
        return
    with open(f"{name}.part", "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{name}.part", name)


def read(path: str) -> bytes | None:
    """A file's contents; None where there is no such file."""
    system, name = stores.url_to_fs(path)
    return system.cat_file(name) if system.exists(name) else None


def load(path: str) -> TrainingState | None:
    """Reads what `save` wrote; None where there is nothing.

    Raises: ModelError: the file isn't a checkpoint.
    """
    data = read(path)
    if data is None:
        return None
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            rest: dict[str, Any] = json.loads(str(file["state"]))
            groups: dict[str, Any] = {
                g: [file[key] for key in sorted(file.files) if key.startswith(f"{g}/")] for g in _GROUPS
            }
        return TrainingState(**groups, **rest)
    except (EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(
            "A checkpoint can't be read.", where=path, why=str(error), next_step="delete it; training starts anew"
        ) from error


def remove(folder: str) -> None:
    """Deletes a training's checkpoints, if there are any."""
    system, name = stores.url_to_fs(folder)
    if system.exists(name):
        system.rm(name, recursive=True)
