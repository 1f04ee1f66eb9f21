"""Trains a model with Keras' own compile and fit, so that a killed training goes on where it was."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import config as tf_config

from ranker import callbacks, checkpointing, optimizer
from schemas.errors import ModelError

if TYPE_CHECKING:
    from ranker.dataset import TrainingData
    from ranker.training_options import TrainingOptions
    from ranker.workers import Workers


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """A trained model, with its best weights, and how it came to them.

    epochs: that were trained, over all processes. best_epoch: whose weights the model has; 1 is the first.
    fit_seconds: of this process, inside Keras' fit. positions_per_second: labels that count, learnt in that time;
    0 where nothing was left to train. history: what Keras logged, one dictionary an epoch, with its seconds.
    resumed_from: epochs that an earlier, killed process had done. device: what it ran on.
    """

    model: tf.keras.Model
    epochs: int
    best_epoch: int
    fit_seconds: float
    positions_per_second: float
    history: list[dict[str, float]]
    resumed_from: int
    device: str


def fit(
    build: Callable[[], tf.keras.Model],
    data: TrainingData,
    validation: tf.data.Dataset | None,
    options: TrainingOptions,
    *,
    epochs: int | None = None,
    checkpoint: str | None = None,
    log_folder: str | None = None,
    devices: Sequence[str] | None = None,
    workers: Workers | None = None,
) -> TrainingResult:
    """Trains until the last epoch, or until `options.patience` epochs without progress on validation, as heads see it.

    Two trainings with the same arguments on one machine end with the same weights, whether or not one of them was
    killed on the way and called again.

    Args:
        build: makes the model, a SequenceRanker, weights included; called seeded.
        data: training rows; of several machines, this one's share.
        validation: batches of validation rows; None: no early stopping, and the latest weights are the best.
        options: the knobs. The learning rate's schedule spans `options.epochs`.
        epochs: when to end, if before `options.epochs`.
        checkpoint: file to keep the state in at each epoch's end, and to go on from if it is there; the caller sees
            to it that it belongs to this training, and removes it.
        log_folder: for TensorBoard's event files.
        devices: to copy the model to; None: all GPUs, or the CPU.
        workers: the machines that train together. All of them validate on all rows and read the checkpoint, the chief
            alone writes; each ends with the best weights in a model of its own.
    Raises: ModelError: the checkpoint belongs to another model, training diverged, or machines differ.
    """
    last = options.epochs if epochs is None else epochs
    with numerics(options):
        scope = strategy(devices) if workers is None else workers.strategy
        with scope.scope():
            model = compiled(build, options, data.steps_per_epoch)
        state = _resume(model, checkpoint, options.seed)
        if workers is not None:
            workers.agree(
                rows=data.rows, labels=data.positions, steps=data.steps_per_epoch, finished_epochs=state.epoch
            )
        resumed_from, began = state.epoch, time.monotonic()
        if state.epoch < last and not state.stopped:
            followers = _followers(state, model, validation is not None, options, last, checkpoint, log_folder, workers)
            with _unwrapped(model) if options.xla else contextlib.nullcontext():
                model.fit(
                    **_rows(data.batches(state.epoch, last), validation, workers),
                    steps_per_epoch=data.steps_per_epoch,
                    initial_epoch=state.epoch,
                    epochs=last,
                    callbacks=followers,
                    verbose=1 if callbacks.watched() else 0,
                )
        seconds = time.monotonic() - began
        if workers is not None:
            model = build()  # reading metrics of the other one, which are among its weights, takes all machines
        model.set_weights(state.best_weights)
    learnt = (state.epoch - resumed_from) * data.positions
    return TrainingResult(
        model=model,
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        fit_seconds=seconds,
        positions_per_second=learnt / seconds if learnt else 0.0,
        history=state.history,
        resumed_from=resumed_from,
        device=_device_name(scope),
    )


def _followers(
    state: checkpointing.TrainingState,
    model: tf.keras.Model,
    validated: bool,
    options: TrainingOptions,
    last: int,
    checkpoint: str | None,
    log_folder: str | None,
    workers: Workers | None,
) -> list[tf.keras.callbacks.Callback]:
    """What happens at the end of an epoch; only the chief writes."""
    head, writes = model.options.head, workers is None or workers.place.chief
    patience = options.patience if validated else None
    followers = [callbacks.KeepState(state, checkpoint if writes else None, patience, head)]
    followers += [callbacks.ValidateAverages(), callbacks.LogLine(state, last, head.monitor)]
    if log_folder is not None and writes:
        followers.append(callbacks.EventFiles(log_folder, state.history))
    return followers


def _rows(batches: tf.data.Dataset, validation: tf.data.Dataset | None, workers: Workers | None) -> dict[str, Any]:
    """What Keras' fit takes of both."""
    if workers is None:
        return {"x": batches, "validation_data": validation}
    given: dict[str, Any] = {"x": workers.distributed(batches)}
    if validation is not None:
        count = int(validation.reduce(np.int64(0), lambda so_far, _: so_far + 1))
        replicas = workers.share.replicas
        given |= {"validation_data": workers.distributed(validation), "validation_steps": -(-count // replicas)}
    return given


def compiled(build: Callable[[], tf.keras.Model], options: TrainingOptions, steps_per_epoch: int) -> tf.keras.Model:
    """The model that `build` makes, with the optimiser that `fit` trains it with, and all of its variables."""
    model = build()
    model.compile(optimizer=optimizer.build(options, steps_per_epoch), jit_compile=options.xla)
    model.optimizer.build(model.trainable_variables)
    # A metric's result is that of all machines already; Keras would add them up.
    model.distribute_reduction_method = "first"
    return model


def strategy(devices: Sequence[str] | None = None) -> tf.distribute.Strategy:
    """Where to train: a copy of the model on each of several GPUs, otherwise TensorFlow's default."""
    chosen = list(devices) if devices is not None else [gpu.name for gpu in tf.config.list_logical_devices("GPU")]
    return tf.distribute.MirroredStrategy(chosen) if len(chosen) > 1 else tf.distribute.get_strategy()


@contextlib.contextmanager
def numerics(options: TrainingOptions) -> Iterator[None]:
    """Seeds, deterministic kernels and the precision of arithmetic, for as long as a training takes.

    Later stages run in this process too, and find the settings as they were.
    """
    precision, deterministic = tf.keras.mixed_precision.global_policy(), tf_config.is_op_determinism_enabled()
    tf.keras.utils.set_random_seed(options.seed)
    tf.config.experimental.enable_op_determinism()
    tf.keras.mixed_precision.set_global_policy(
        "float32" if options.mixed_precision == "none" else options.mixed_precision
    )
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(precision)
        if not deterministic:
            tf_config.disable_op_determinism()


@contextlib.contextmanager
def _unwrapped(model: tf.keras.Model) -> Iterator[None]:
    """Has Keras' recurrent layers run their loop as it is, not inside a function that cuDNN's kernel may stand in for.

    XLA takes all that goes into that function for constants, weights too, and would compile anew at every step.
    """
    wrapped = [layer for layer in model.submodules if getattr(layer, "_could_use_gpu_kernel", False)]
    for layer in wrapped:
        layer._could_use_gpu_kernel = False
    try:
        yield
    finally:
        for layer in wrapped:
            layer._could_use_gpu_kernel = True


def _resume(model: tf.keras.Model, checkpoint: str | None, seed: int) -> checkpointing.TrainingState:
    """The state that a killed training left, put into the model; a new one, where there is none."""
    state = checkpointing.load(checkpoint) if checkpoint else None
    if state is None:
        return checkpointing.TrainingState(seed=seed)
    variables = callbacks.optimizer_variables(model.optimizer)
    here = [tuple(value.shape) for value in [*model.weights, *variables]]
    if state.seed != seed or here != [value.shape for value in [*state.weights, *state.optimizer]]:
        raise ModelError("A checkpoint belongs to another model or seed.", where=str(checkpoint), next_step="delete it")
    model.set_weights(state.weights)
    for variable, value in zip(variables, state.optimizer, strict=True):
        variable.assign(value)
    return state


def _device_name(scope: tf.distribute.Strategy) -> str:
    """What the training ran on, for people."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU x {scope.num_replicas_in_sync}" if scope.num_replicas_in_sync > 1 else "CPU"
    name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
    return f"{name} x {scope.num_replicas_in_sync}"
