"""What a training is told, as a file: the chief's Trainer leaves it where the other machines' processes look for it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import fsspec

from ranker import checkpointing
from schemas.errors import ModelError

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

FILE: Final = "task.json"  # under checkpoint_root
_LOOKS_EVERY = 2.0  # seconds


@dataclasses.dataclass(frozen=True)
class Task:
    """Those of TFX's FnArgs that a training reads, under their names there."""

    train_files: list[str]
    eval_files: list[str]
    transform_output: str
    serving_model_dir: str
    model_run_dir: str
    hyperparameters: dict[str, Any] | None
    custom_config: dict[str, Any]

    @classmethod
    def of(cls, fn_args: FnArgs) -> Task:
        return cls(**{field.name: getattr(fn_args, field.name) for field in dataclasses.fields(cls)})

    @property
    def digest(self) -> int:
        """What is trained, wherever the model goes: 60 bits."""
        told = {**dataclasses.asdict(self), "serving_model_dir": "", "model_run_dir": ""}
        return int(hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:15], 16)

    def write(self, path: str) -> None:
        """Leaves the file at once and whole, a local one or one that fsspec can write."""
        checkpointing.write(path, json.dumps(dataclasses.asdict(self), indent=2).encode())


def wait_for(path: str, seconds: float) -> Task:
    """The task, as soon as the chief has left it.

    Args:
        path: of the file, local or one that fsspec can read.
        seconds: to wait at most.
    Raises: ModelError: it isn't there by then, or isn't a task.
    """
    end = time.monotonic() + seconds
    while (data := _read(path)) is None:
        if time.monotonic() > end:
            raise ModelError(
                "There is nothing to train.", where=path, why=f"The chief left no task within {seconds:g} s.",
                next_step="see whether the chief runs, and that this is its checkpoint root",
            )  # fmt: skip
        logging.info("Waiting for the chief's task in %s.", path)
        time.sleep(min(_LOOKS_EVERY, seconds))
    try:
        return Task(**json.loads(data))
    except (TypeError, ValueError) as error:
        raise ModelError("This is no task of the Trainer.", where=path, why=str(error)) from error


def _read(path: str) -> bytes | None:
    fsspec.core.url_to_fs(path)[0].invalidate_cache()  # an object store's file system remembers what wasn't there
    return checkpointing.read(path)
