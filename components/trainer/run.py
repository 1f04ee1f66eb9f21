"""run_fn: reads what the earlier stages left, has ranker build, train and export, and writes down how it went."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import fsspec
import tensorflow_transform as tft

from components.trainer import worker
from components.trainer.options import Options
from components.trainer.task import Task
from ranker import items_table, slices, warm_start
from ranker.export import export
from ranker.hyperparameters import applied, of_keras_tuner
from ranker.job import Job, Sources, warn_of_logits
from ranker.workers import place
from schemas.contents import TRAINING_FILE
from schemas.models import REFIT_FOLDER

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

    from ranker.model import SequenceRanker
    from ranker.training import TrainingResult
    from ranker.workers import Workers


def run_fn(fn_args: FnArgs) -> None:
    """TFX's entry point; where TF_CONFIG names several machines, all of them train.

    Args:
        fn_args: train_files and eval_files (patterns), transform_output, serving_model_dir, model_run_dir,
            hyperparameters (KerasTuner's get_config(), or None: they go over the options), and as custom_config what
            components.trainer.executor puts there.
    Raises: ModelError: there is nothing to learn from or to validate on, or training diverged. ConfigError: TF_CONFIG
        makes no sense.
    """
    task = Task.of(fn_args)
    if place().count > 1:
        worker.start(task, task.custom_config["task_file"])
    else:
        train(task)


def train(task: Task, workers: Workers | None = None) -> None:
    """Trains, and has the chief export and leave training.json.

    Args:
        task: what run_fn was told.
        workers: the machines that train together; None: this one trains alone.
    Raises: ModelError: as run_fn.
    """
    config = task.custom_config
    tuned = of_keras_tuner(task.hyperparameters) if task.hyperparameters else {}
    options = applied(Options.model_validate_json(config["options"]), {**tuned, "epochs": int(config["epochs"])})
    if workers is None:
        slices.share_cores(options.batch_size)  # on a cluster; a local run did it before its first stage
    job = Job.of(options, _sources(task), tft.TFTransformOutput(task.transform_output))
    warn_of_logits(job.options, job.catalogue)
    begun, chief = _Begun.with_model(config["start"]), workers is None or workers.place.chief
    measured = job.train(
        job.train_files,
        job.valid_files,
        checkpoint=f"{config['checkpoints']}/training.npz",
        log_folder=task.model_run_dir,
        start=begun.into,
        workers=workers,
    )
    if chief:
        _export(job, options, measured, task.serving_model_dir)
    record = {**_record(measured), "loss": job.options.model.loss.model_dump(mode="json")}
    record |= {"hyperparameters": tuned, "warm_start": begun.record(), "machines": place().count}
    if options.refit:
        everything = [*job.train_files, *job.valid_files, *job.test_files]
        checkpoint, epochs = f"{config['checkpoints']}/refit.npz", measured.best_epoch
        refit = job.train(everything, [], checkpoint=checkpoint, epochs=epochs, start=begun.into, workers=workers)
        if chief:
            _export(job, options, refit, f"{_parent(task.serving_model_dir)}/{REFIT_FOLDER}")
        record |= {"refit": True, "fit_seconds": measured.fit_seconds + refit.fit_seconds}
        record["refit_epochs"] = refit.epochs
    if chief:
        with fsspec.open(f"{task.model_run_dir.rstrip('/')}/{TRAINING_FILE}", "wt", encoding="utf-8") as file:
            json.dump(record, file, indent=2)


@dataclasses.dataclass
class _Begun:
    """What a training begins with: the weights of an earlier model, or none."""

    start: warm_start.Start | None
    report: warm_start.Report | None = None

    @classmethod
    def with_model(cls, folder: str | None) -> _Begun:
        return cls(warm_start.read(folder) if folder else None)

    def into(self, model: SequenceRanker) -> None:
        if self.start is not None:
            self.report = self.start.into(model)

    def record(self) -> dict[str, Any] | None:
        """For training.json; None: the training began afresh."""
        if self.start is None or self.report is None:
            return None
        return {"model": self.start.where, **dataclasses.asdict(self.report)}


def _sources(task: Task) -> Sources:
    config = task.custom_config
    return Sources(
        train=task.train_files,
        valid=task.eval_files,
        test=[config["test_files"]],
        item_counts=config["item_counts"],
        window=config["window"],
        mask_seen=config["mask_seen"],
        items=config["items"],
    )


def _export(job: Job, options: Options, result: TrainingResult, folder: str) -> None:
    """Writes the SavedModel with all its signatures, and the items table beside it."""
    layer = job.transform.transform_features_layer()
    export(result.model, layer, job.transform.raw_feature_spec(), folder, options.recommendations)
    if job.items is not None:
        items_table.write(job.items, folder)


def _parent(folder: str) -> str:
    return folder.rstrip("/").rsplit("/", 1)[0]


def _record(result: TrainingResult) -> dict[str, Any]:
    """training.json: everything of the result that isn't the model."""
    fields = [field.name for field in dataclasses.fields(result) if field.name != "model"]
    return {**{name: getattr(result, name) for name in fields}, "refit": False}
