"""The search: KerasTuner says what to try next, ranker trains it."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import logging
import pathlib
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

import keras_tuner
import tensorflow as tf
from keras_tuner.engine.base_tuner import BaseTuner

from components.tuner import space
from components.tuner.options import Choices
from ranker import checkpointing
from ranker.hyperparameters import applied, of_keras_tuner
from ranker.job import Job
from schemas.errors import TrainingDiverged

if TYPE_CHECKING:
    import tensorflow_transform as tft
    from keras_tuner.engine.trial import Trial

    from components.tuner.options import Options
    from ranker.job import Sources
    from ranker.job_options import JobOptions

_log = logging.getLogger(__name__)
_EPOCHS: Final = "tuner/epochs"  # where Hyperband says how long a trial may train
_PROJECT: Final = "search"
# What a trial reports beside the metric that it is judged by.
BEST_EPOCH: Final = "best_epoch"
SECONDS: Final = "seconds"
TRAINED: Final = "epochs"


class Search(BaseTuner):
    """A search whose trials are trainings of ranker.

    KerasTuner's project folder is kept, as one file, after each trial, beside each trial's own checkpoint: a search
    that was killed goes on inside the trial that it was killed in. Trainings with the same knobs are the same training:
    a trial that Hyperband lets go on takes over from where the one before it stopped.

    Args:
        options: how to search, and among what.
        job: knobs that the search changes.
        sources: the data.
        transform: Transform's output.
        folder: local, for KerasTuner's project.
        checkpoints: folder for what must outlive a kill, local or one that fsspec can write.
    """

    def __init__(
        self,
        options: Options,
        job: JobOptions,
        sources: Sources,
        transform: tft.TFTransformOutput,
        folder: str,
        checkpoints: str,
    ) -> None:
        self.job, self.sources, self.transform = job, sources, transform
        self._checkpoints, self._kept = checkpoints.rstrip("/"), f"{checkpoints.rstrip('/')}/{_PROJECT}.zip"
        kept = checkpointing.read(self._kept)
        if kept is not None:
            _unpack(kept, pathlib.Path(folder) / _PROJECT)
        with contextlib.redirect_stdout(io.StringIO()):  # KerasTuner prints
            super().__init__(oracle(options, job), directory=folder, project_name=_PROJECT)
        if kept is not None:
            _log.info("A search that was killed goes on after %d trials.", len(self.oracle.trials))

    def run_trial(self, trial: Trial, *_: Any, **__: Any) -> dict[str, float]:
        """Trains with a trial's knobs.

        Returns: the metric that trials are judged by, at the best epoch, and what the table of trials says beside it.
        Raises: keras_tuner.errors.FailedTrialError: these knobs can't be trained with; the search goes on.
            keras_tuner.errors.FatalError: whatever else went wrong, as its cause.
        """
        try:
            return self._train(trial)
        except (TrainingDiverged, tf.errors.ResourceExhaustedError) as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        except Exception as error:
            raise keras_tuner.errors.FatalError(str(error)) from error

    def on_trial_end(self, trial: Trial) -> None:
        """Keeps the search as it stands."""
        super().on_trial_end(trial)
        checkpointing.write(self._kept, _packed(pathlib.Path(self.project_dir)))
        ended, values = self.oracle.get_trial(trial.trial_id), of_keras_tuner(trial.hyperparameters.get_config())
        _log.info("Trial %s: %s %s with %s", trial.trial_id, self.oracle.objective.name, ended.score, values)

    def _train(self, trial: Trial) -> dict[str, float]:
        tf.keras.backend.clear_session()  # of the trial before
        gc.collect()
        began = time.monotonic()
        values = trial.hyperparameters.values
        knobs = applied(self.job, of_keras_tuner({"values": values}))
        job = Job.of(knobs, self.sources, self.transform)
        name = hashlib.sha256(knobs.model_dump_json().encode()).hexdigest()[:16]
        result = job.train(
            job.train_files,
            job.valid_files,
            checkpoint=f"{self._checkpoints}/trial-{name}.npz",
            epochs=values.get(_EPOCHS),
        )
        metric = self.oracle.objective.name
        return {
            metric: result.history[result.best_epoch - 1][metric],
            BEST_EPOCH: result.best_epoch,
            TRAINED: result.epochs,
            SECONDS: time.monotonic() - began,
        }


def oracle(options: Options, job: JobOptions) -> keras_tuner.Oracle:
    """KerasTuner's choice of what to try.

    Args:
        options: how to search, and among what.
        job: knobs that the search changes; `epochs` is the most that a trial trains.
    """
    head = job.model.head
    common = {
        "objective": keras_tuner.Objective(head.monitor, "max" if head.rises else "min"),
        "hyperparameters": hyperparameters(options, job),
        "seed": options.seed + 1,  # it takes 0 for none
        "max_consecutive_failed_trials": options.trials + 1,  # whoever reads the results says so if all did
    }
    if options.search == "hyperband":
        made = keras_tuner.oracles.HyperbandOracle(
            max_epochs=job.epochs, factor=options.factor, hyperband_iterations=None, **common
        )
        made.max_trials = options.trials
    elif options.search == "bayesian":
        made = keras_tuner.oracles.BayesianOptimizationOracle(max_trials=options.trials, **common)
    else:
        made = keras_tuner.oracles.RandomSearchOracle(max_trials=options.trials, **common)
    made.verbose = 0
    return made


def hyperparameters(options: Options, job: JobOptions) -> keras_tuner.HyperParameters:
    """The search space as KerasTuner has it: a hyperparameter is called by its knob's path."""
    found = keras_tuner.HyperParameters()
    for path, dimension in options.space.items():
        base = space.bases(options.space, job, path)[0]
        if isinstance(dimension, Choices):
            _add_choices(found, path, space.values(dimension, path, base))
        elif space.whole(dimension, path, base):
            found.Int(path, int(dimension.min), int(dimension.max), sampling="log" if dimension.log else "linear")
        else:
            found.Float(path, dimension.min, dimension.max, sampling="log" if dimension.log else "linear")
    return found


def _add_choices(found: keras_tuner.HyperParameters, path: str, choices: list[Any]) -> None:
    if len(choices) == 1:
        found.Fixed(path, choices[0])
    elif all(isinstance(choice, bool) for choice in choices):
        found.Boolean(path)
    else:
        found.Choice(path, choices)


def _packed(folder: pathlib.Path) -> bytes:
    archive = pathlib.Path(shutil.make_archive(str(folder.with_name(f"{folder.name}-packed")), "zip", folder))
    try:
        return archive.read_bytes()
    finally:
        archive.unlink()


def _unpack(data: bytes, folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = folder.with_name(f"{folder.name}-kept.zip")
    archive.write_bytes(data)
    shutil.unpack_archive(archive, folder)
    archive.unlink()
