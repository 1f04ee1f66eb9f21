"""One of several machines' processes that train together: python -m components.trainer.worker --task FILE

TF_CONFIG says which one; the training operator sets it. The Trainer of the chief starts this very command on its own
machine, since TensorFlow must meet the others before it does anything else, and a process that has run other stages
has done much. The file is the one that it leaves: <checkpoint root>/task.json.

A process ends with status 1 where it fails or another one is gone; started again, all go on from the last epoch.
"""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from schemas.errors import ConfigError, ModelError, SeqrankError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.trainer.task import Task

MODULE: Final = "components.trainer.worker"
_SPEAKS: Final = "seqrank: "  # begins the last that a process says
_LAST_LINES: Final = 60
_PARENTS_DEATH: Final = 1  # Linux's PR_SET_PDEATHSIG


def parser() -> argparse.ArgumentParser:
    """Of the command line."""
    made = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__, allow_abbrev=False)
    made.add_argument("--task", required=True, metavar="FILE", help="where the chief's Trainer leaves the task")
    made.add_argument(
        "--wait", type=float, default=86_400.0, metavar="SECONDS", help="for the task at most [default: a day]"
    )
    made.add_argument("--parent", type=int, help=argparse.SUPPRESS)  # the stage's process, not to be outlived
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Trains; ends the process with status 0, or with 1 or 2 and a message."""
    arguments = parser().parse_args(argv)
    if arguments.parent:
        _end_with(arguments.parent)
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # before anything imports TensorFlow, as pipeline.cli does
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s")
    try:
        _train(arguments.task, arguments.wait)
    except SeqrankError as error:
        _leave(error)
    except Exception as error:
        logging.exception("Training ended early.")
        _leave(_worded(error))
    _leave(None)


def start(task: Task, path: str) -> None:
    """Leaves the task to all machines, trains on this one in a process of its own, and takes the task away again.

    Args:
        task: what to train.
        path: of the file, which all machines see.
    Raises: ConfigError: this process isn't the chief. ModelError: training failed, here or elsewhere.
    """
    from ranker.workers import VARIABLE, place

    if not place().chief:
        raise ConfigError(
            "Of several machines the chief alone runs stages.",
            where=VARIABLE,
            next_step=f"run `python -m {MODULE} --task {path}` on the others",
        )
    from ranker import checkpointing

    task.write(path)
    try:
        _run([sys.executable, "-m", MODULE, "--task", path, "--parent", str(os.getpid())])
    finally:
        checkpointing.remove(path)


def _end_with(parent: int) -> None:
    """Has the kernel kill this process with the one that started it: it would write to the checkpoint of the next."""
    ctypes.CDLL(None).prctl(_PARENTS_DEATH, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _run(command: list[str]) -> None:
    """Runs a process, its words among ours.

    Raises: ModelError: it failed; the error has what it said last.
    """
    said: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        for line in process.stderr:
            sys.stderr.write(line)
            said = [line] if line.startswith(_SPEAKS) else [*said, line][-_LAST_LINES:]
    if process.returncode:
        spoke = bool(said) and said[0].startswith(_SPEAKS)
        raise ModelError(
            "Training on several machines failed.",
            why="".join(said).removeprefix(_SPEAKS)
            if spoke
            else f"The process ended with status {process.returncode}.",
            next_step="where a machine was lost, start all again: training goes on from the last epoch that ended",
        )


def _train(path: str, seconds: float) -> None:
    from components.trainer.task import wait_for
    from ranker.workers import Workers

    task = wait_for(path, seconds)
    workers = Workers.joined()  # before TensorFlow does anything else
    from components.trainer.run import train

    if workers is None:
        train(task)
        return
    workers.agree(task=task.digest)
    train(task, workers)
    workers.agree(end=0)  # whoever leaves early takes the others' connection along


def _worded(error: Exception) -> SeqrankError:
    """TensorFlow's word for a machine that is gone is long, and different each time."""
    import tensorflow as tf

    if isinstance(error, tf.errors.OpError):
        return ModelError(
            "Training with the other machines broke off.",
            why=error.message.splitlines()[0] if error.message else type(error).__name__,
            next_step="start all of them again; training goes on from the last epoch that ended",
        )
    return ModelError("Training failed unexpectedly.", why=f"{type(error).__name__}: {error}")


def _leave(error: SeqrankError | None) -> None:
    """Ends the process at once: TensorFlow's own way out waits for machines that may be gone."""
    if error is not None:
        sys.stderr.write(f"{_SPEAKS}{error}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(error.exit_status if error is not None else 0)


if __name__ == "__main__":
    main()
