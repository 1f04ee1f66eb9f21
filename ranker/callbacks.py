"""What happens at the end of an epoch: early stopping, checkpoint, event files, a line in the log."""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import time
from typing import TYPE_CHECKING

import tensorflow as tf

from ranker import checkpointing
from schemas.errors import TrainingDiverged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ranker.heads import HeadOptions

_VALIDATION = "val_"


class KeepState(tf.keras.callbacks.Callback):
    """Early stopping whose whole state is kept in a checkpoint, beside weights and optimizer.

    Keras' own callbacks for it forget, when a process ends, how long they have waited and what the best weights were.

    Args:
        state: where training stands; changed in place.
        path: of the checkpoint; None: nothing is written.
        patience: epochs without progress on validation before the end; None: no early stopping, and the latest weights
            are the best.
        head: says which metric shows progress, and which way.
    Raises: TrainingDiverged: at an epoch's end, where the loss is no longer a number.
    """

    def __init__(
        self, state: checkpointing.TrainingState, path: str | None, patience: int | None, head: HeadOptions
    ) -> None:
        super().__init__()
        self.state, self.path, self.patience, self.head = state, path, patience, head
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        values = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(values["loss"]):
            raise TrainingDiverged(
                f"Training diverged: the loss of epoch {epoch + 1} is {values['loss']}.",
                next_step="lower trainer.learning_rate, or set trainer.clip_norm",
            )
        state = self.state
        state.epoch = epoch + 1
        state.history.append({**values, "seconds": time.monotonic() - self._began})
        state.weights = self.model.get_weights()
        state.optimizer = [variable.numpy() for variable in optimizer_variables(self.model.optimizer)]
        self._compare(values)
        if self.path:
            checkpointing.save(state, self.path)

    def _compare(self, values: dict[str, float]) -> None:
        """Takes the new weights for the best ones, or waits."""
        state, monitor = self.state, self.head.monitor
        sign = 1.0 if self.head.rises else -1.0
        if self.patience is None or sign * values[monitor] > state.best:
            state.best = sign * values[monitor] if monitor in values else state.best
            with averaged(self.model) as others:
                state.best_weights = self.model.get_weights() if others else state.weights
            state.best_epoch, state.waited = state.epoch, 0
            return
        state.waited += 1
        state.stopped = state.waited >= self.patience
        self.model.stop_training = state.stopped


class ValidateAverages(tf.keras.callbacks.Callback):
    """Puts the optimizer's averages in the weights' place for as long as a validation takes."""

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self._validation = contextlib.ExitStack()
        self._validation.enter_context(averaged(self.model))

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        self._validation.close()


@contextlib.contextmanager
def averaged(model: tf.keras.Model) -> Iterator[bool]:
    """The model with the moving averages of its weights in their place, where its optimizer keeps any: whether so."""
    optimizer = model.optimizer
    if not getattr(optimizer, "inner_optimizer", optimizer).use_ema:  # inner: mixed_float16 wraps it
        yield False
        return
    trained = [weight.numpy() for weight in model.trainable_variables]
    optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield True
    finally:
        for weight, value in zip(model.trainable_variables, trained, strict=True):
            weight.assign(value)


class EventFiles(tf.keras.callbacks.Callback):
    """TensorBoard's event files under Keras' own names: train/ and validation/, epoch_<metric> by epoch.

    Args:
        folder: for the event files.
        history: epochs that an earlier process trained; written too, so that a resumed run's curves are whole.
    """

    def __init__(self, folder: str, history: list[dict[str, float]]) -> None:
        super().__init__()
        self._earlier = list(history)
        self._writers = {
            part: tf.summary.create_file_writer(f"{folder}/{part}", name=part) for part in ("train", "validation")
        }

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        for epoch, values in enumerate(self._earlier):
            self._write(epoch, values)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._write(epoch, {**(logs or {}), "learning_rate": float(self.model.optimizer.learning_rate.numpy())})

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        for writer in self._writers.values():
            writer.close()

    def _write(self, epoch: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            part = "validation" if name.startswith(_VALIDATION) else "train"
            with self._writers[part].as_default():
                tf.summary.scalar(f"epoch_{name.removeprefix(_VALIDATION)}", value, step=epoch)


class LogLine(tf.keras.callbacks.Callback):
    """One line an epoch in the log, for whoever isn't watching a progress bar."""

    def __init__(self, state: checkpointing.TrainingState, epochs: int, monitor: str) -> None:
        super().__init__()
        self._state, self._epochs, self._shown = state, epochs, ("loss", "val_loss", monitor)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        values = self._state.history[-1]
        shown = ", ".join(f"{name} {values[name]:.4f}" for name in self._shown if name in values)
        logging.info(
            "Epoch %d of at most %d: %s (best: epoch %d), %.1f s",
            epoch + 1, self._epochs, shown, self._state.best_epoch, values["seconds"],
        )  # fmt: skip


def watched() -> bool:
    """Whether a person sees standard output, where Keras draws its progress bar; a run sends errors to its log."""
    return sys.stdout.isatty()


def optimizer_variables(optimizer: tf.keras.optimizers.Optimizer) -> list[tf.Variable]:
    """All that an optimizer remembers: steps, moments and, under mixed_float16, the scale of the loss."""
    scale = getattr(optimizer, "_loss_scale", None)  # Keras keeps it out of `variables`
    return [*optimizer.variables, *(scale._weights.values() if scale is not None else ())]
