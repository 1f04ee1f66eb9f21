"""run_fn: reads what the earlier stages left, has ranker build, train and export, and writes down how it went."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_transform as tft

from components.trainer import items
from components.trainer.options import Options
from ranker.catalogue import Catalogue, counts_in_order
from ranker.dataset import evaluation_batches, training_data
from ranker.export import export
from ranker.item_features import item_features
from ranker.model import SequenceRanker
from ranker.training import TrainingResult, fit
from schemas import features as f
from schemas.artifacts import TRAINING_FILE
from schemas.errors import ModelError
from schemas.models import REFIT_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from tfx.components.trainer.fn_args_utils import FnArgs

_VALIDATED_AT_ONCE = 256  # rows
_MANY_LOGITS = 2 << 30  # bytes; the gradient takes as much again


def run_fn(fn_args: FnArgs) -> None:
    """TFX's entry point.

    Args:
        fn_args: train_files and eval_files (patterns), transform_output, serving_model_dir, model_run_dir, and as
            custom_config what components.trainer.executor puts there.
    Raises: ModelError: there is nothing to learn from or to validate on, or training diverged.
    """
    job = _Job.of(fn_args)
    measured = job.train(job.train_files, job.valid_files, checkpoint="training.npz", log_folder=fn_args.model_run_dir)
    job.export(measured, fn_args.serving_model_dir)
    record = _record(measured)
    if job.options.refit:
        everything = [*job.train_files, *job.valid_files, *job.test_files]
        refit = job.train(everything, [], checkpoint="refit.npz", epochs=measured.best_epoch)
        job.export(refit, f"{_parent(fn_args.serving_model_dir)}/{REFIT_FOLDER}")
        record |= {"refit": True, "fit_seconds": measured.fit_seconds + refit.fit_seconds}
        record["refit_epochs"] = refit.epochs
    with fsspec.open(f"{fn_args.model_run_dir.rstrip('/')}/{TRAINING_FILE}", "wt", encoding="utf-8") as file:
        json.dump(record, file, indent=2)


@dataclasses.dataclass(frozen=True)
class _Job:
    """One call of run_fn: the knobs, the files, and what the model must know of the data."""

    options: Options
    catalogue: Catalogue
    items: pl.DataFrame | None
    transform: tft.TFTransformOutput
    train_files: list[str]
    valid_files: list[str]
    test_files: list[str]
    checkpoints: str

    @classmethod
    def of(cls, fn_args: FnArgs) -> _Job:
        config = fn_args.custom_config
        options = Options.model_validate_json(config["options"]).model_copy(update={"epochs": int(config["epochs"])})
        transform = tft.TFTransformOutput(fn_args.transform_output)
        catalogue = read_catalogue(transform, config, gaps=options.model.gap_embedding)
        warn_of_logits(options, catalogue)
        table = items.read(_files([config["items"]])) if config["items"] else None
        if table is not None and options.model.item_features:
            features = item_features(table, catalogue.items, cold=options.cold_items)
            catalogue = dataclasses.replace(catalogue, features=None if features.empty else features)
        return cls(
            options=options,
            catalogue=catalogue,
            items=table,
            transform=transform,
            train_files=_files(fn_args.train_files),
            valid_files=_files(fn_args.eval_files),
            test_files=_files([config["test_files"]]),
            checkpoints=config["checkpoints"],
        )

    def train(
        self,
        files: Sequence[str],
        validation: Sequence[str],
        *,
        checkpoint: str,
        epochs: int | None = None,
        log_folder: str | None = None,
    ) -> TrainingResult:
        """Trains on some files, from the checkpoint of that name if a killed run left one."""
        options, spec = self.options, self.transform.transformed_feature_spec()
        # XLA compiles each shape anew, and a GPU would rather have one shape than less padding.
        fixed = options.xla or bool(tf.config.list_physical_devices("GPU"))
        window = self.catalogue.window
        data = training_data(
            files, spec, batch_size=options.batch_size, window=window, seed=options.seed, fixed_width=fixed
        )
        rows = evaluation_batches(
            validation, spec, batch_size=_VALIDATED_AT_ONCE, window=window, fixed_width=fixed,
            most_rows=options.validation_rows, cold_items=self.catalogue.cold, first_cold=self.catalogue.size,
        ) if validation else None  # fmt: skip
        if rows is not None and next(iter(rows), None) is None:
            raise ModelError(
                "There is no example in the validation split, so nothing says when to stop.",
                next_step="see that sequence_gen.split leaves labels to validation.",
            )
        return fit(
            lambda: SequenceRanker(options.model, self.catalogue),
            data,
            rows,
            options,
            epochs=epochs,
            checkpoint=f"{self.checkpoints}/{checkpoint}",
            log_folder=log_folder,
        )

    def export(self, result: TrainingResult, folder: str) -> None:
        """Writes the SavedModel with all its signatures, and the items table beside it."""
        layer = self.transform.transform_features_layer()
        export(result.model, layer, self.transform.raw_feature_spec(), folder, self.options.recommendations)
        if self.items is not None:
            items.write(self.items, folder)


def warn_of_logits(options: Options, catalogue: Catalogue) -> None:
    """Says so in the log where the whole catalogue's logits of one batch would take more than _MANY_LOGITS."""
    logits = 4 * options.batch_size * catalogue.window * len(catalogue.items)
    if options.model.loss.name == "cross_entropy" and logits > _MANY_LOGITS:
        logging.warning(
            "Up to %.1f GiB of logits a step: %d rows of %d positions against %d items. If memory or time runs short, "
            "set trainer.model.loss: sampled_softmax, or lower trainer.batch_size.",
            logits / 2**30, options.batch_size, catalogue.window, len(catalogue.items),
        )  # fmt: skip


def read_catalogue(transform: tft.TFTransformOutput, config: dict[str, Any], *, gaps: bool) -> Catalogue:
    """What the model must know of the data.

    Args:
        transform: Transform's output, with the vocabularies.
        config: `item_counts` (a Parquet file), `window` and `mask_seen`.
        gaps: whether the model embeds time gaps.
    Raises: ModelError: the vocabulary is empty, or an item of it has no count.
    """
    names = [item.decode() for item in transform.vocabulary_by_name(f.ITEM_VOCABULARY)]
    with fsspec.open(config["item_counts"], "rb") as file:
        table = pq.read_table(file)
    has_users = f.USER in transform.transformed_feature_spec()
    return Catalogue(
        items=np.asarray(names, dtype=object),
        counts=counts_in_order(names, table["item_id"].to_pylist(), table["count"].to_numpy()),
        users=transform.vocabulary_size_by_name(f.USER_VOCABULARY) if has_users else 0,
        gaps=_gaps(transform) if gaps else 0,
        window=config["window"],
        mask_seen=config["mask_seen"],
        contexts=_sizes(transform, f.HISTORY_CONTEXT_PREFIX),
        user_features=_sizes(transform, f.USER_FEATURE_PREFIX),
    )


def _sizes(transform: tft.TFTransformOutput, prefix: str) -> dict[str, int]:
    """Ids that each feature with that prefix can take, by its name without the prefix."""
    names = [name for name in transform.transformed_feature_spec() if name.startswith(prefix)]
    sizes = [transform.vocabulary_size_by_name(f.vocabulary_file(name)) + f.FIRST_ITEM for name in names]
    return dict(zip([name.removeprefix(prefix) for name in names], sizes, strict=True))


def _gaps(transform: tft.TFTransformOutput) -> int:
    """Number of values that history_gap can take: the graph is asked for the bucket of an endless gap."""
    spec = transform.raw_feature_spec()
    values = {tf.string: tf.train.Feature(bytes_list=tf.train.BytesList(value=[b""])),
        tf.float32: tf.train.Feature(float_list=tf.train.FloatList(value=[0.0])),
        tf.int64: tf.train.Feature(int64_list=tf.train.Int64List(value=[0]))}  # fmt: skip
    features = {name: values[feature.dtype] for name, feature in spec.items()}
    features[f.HISTORY] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"", b""]))
    features[f.HISTORY_TIMESTAMP] = tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 2**62]))
    example = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    gaps = transform.transform_features_layer()(tf.io.parse_example([example], spec))[f.HISTORY_GAP]
    return 1 + int(tf.reduce_max(gaps.values))


def _files(patterns: Sequence[str]) -> list[str]:
    """The files that patterns stand for, in order."""
    return sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))


def _parent(folder: str) -> str:
    return folder.rstrip("/").rsplit("/", 1)[0]


def _record(result: TrainingResult) -> dict[str, Any]:
    """training.json: everything of the result that isn't the model."""
    fields = [field.name for field in dataclasses.fields(result) if field.name != "model"]
    return {**{name: getattr(result, name) for name in fields}, "refit": False}
