"""Work of the Evaluator: one inference a model, TFMA over the rows, intervals, the blessing."""

from __future__ import annotations

import json
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io import parquetio
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.evaluator import (
    blessing,
    exposure,
    inference,
    item_ratings,
    pair_rows,
    per_user,
    report,
    sampling,
    tfma_run,
)
from components.evaluator.options import Options
from components.evaluator.task import RATING, Artifacts, Task
from schemas import contents, features, records

SPLITS = (features.VALID, features.TEST)


class Executor(base_beam_executor.BaseBeamExecutor):
    """Evaluates a candidate, and the latest blessed model where there is one, on the same rows."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """Evaluates and decides.

        Args:
            input_dict: examples, model, item_counts; baseline_model and sequence_report may be absent or empty.
            output_dict: evaluation, blessing.
            exec_properties: options, head, loss (JSON of Options, of a head's and of a loss's, "" both where the head
                has no metrics of its own), code_version.
        Raises: ModelError: a model that isn't there, or without a signature that is needed; DataError: no examples.
        """
        options = Options.model_validate_json(exec_properties["options"])
        evaluation = artifact_utils.get_single_uri(output_dict["evaluation"])
        task = Task(input_dict, evaluation, options, exec_properties["head"], exec_properties["loss"])
        shares = sampling.shares(_report(input_dict), SPLITS, options.max_labels)
        self._infer(task, shares)
        _write_json(evaluation, contents.RANKED_SHARE_FILE, shares)
        rows = per_user.read(f"{evaluation}/{contents.PER_USER_FOLDER}")
        paired = None
        if task.pair_models:
            pairs = pair_rows.read(f"{evaluation}/{contents.PAIRS_FOLDER}")
            paired = report.Paired(pairs, task.head, task.pair_models)
        measured = report.report(evaluation, rows, task.ranked, options, paired)
        folder = f"{evaluation}/{contents.PER_USER_FOLDER}"
        groups = exposure.add(measured, folder, task.item_counts, task.candidate, options.cutoffs)
        if any(groups.values()):
            _write_json(evaluation, contents.USER_GROUPS_FILE, groups)
        _write_json(evaluation, contents.METRICS_FILE, measured)
        overall = measured.get(features.VALID, {}).get(per_user.CANDIDATE, {}).get(per_user.OVERALL, {})
        decision = blessing.decide(rows, options, task.head, paired.rows if paired else None, overall)
        _write_json(evaluation, contents.BLESSING_FILE, decision.model_dump())
        _bless(artifact_utils.get_single_instance(output_dict["blessing"]), decision, input_dict)

    def _infer(self, task: Task, shares: dict[str, float]) -> None:
        """One Beam pipeline: rows to Parquet, and on to TFMA. One before it where training's ratings are needed."""
        if task.head == RATING:
            with self._make_beam_pipeline() as pipeline:
                examples = pipeline | beam.io.ReadFromTFRecord(task.split_pattern(features.TRAIN))
                _ = examples | item_ratings.AddUp() | beam.Map(item_ratings.write, task.ratings)
        fileio.makedirs(f"{task.evaluation}/{contents.PER_USER_FOLDER}")
        with self._make_beam_pipeline() as pipeline:
            found = [
                pipeline | f"Rank {split}" >> _RankSplit(task, split, shares[split], task.options.batch_size)
                for split in SPLITS
            ]
            rows = [each[inference.RANKS] for each in found] | "Ranks" >> beam.Flatten()
            _write_rows(rows, f"{task.evaluation}/{contents.PER_USER_FOLDER}", records.PER_USER)
            cutoffs, models = task.options.cutoffs, task.ranked
            extracts = [rows | "Extracts" >> beam.ParDo(tfma_run.Extracts(models, cutoffs, task.item_counts))]
            if task.pair_models:
                pairs = [each[inference.PAIRS] for each in found] | "Pairs" >> beam.Flatten()
                _write_rows(pairs, f"{task.evaluation}/{contents.PAIRS_FOLDER}", records.PAIRS)
                extracts.append(
                    pairs | "Pair extracts" >> beam.ParDo(tfma_run.PairExtracts(task.head, task.pair_models))
                )
            tfma_run.write_results(
                extracts | "All extracts" >> beam.Flatten(), task.config(), task.locations(), task.evaluation
            )


class _RankSplit(beam.PTransform):
    """Reads the serialised sequences of a split, ranks their labels and scores their pairs: two outputs of tables."""

    def __init__(self, task: Task, split: str, share: float, batch_size: int) -> None:
        super().__init__()
        self._pattern, self._share, self._batch_size = task.split_pattern(split), share, batch_size
        self._rank = task.rank(split)

    def expand(self, pipeline: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        return (
            pipeline
            | "Read" >> beam.io.ReadFromTFRecord(self._pattern)
            | "Users" >> sampling.ChooseUsers(self._share)
            | "Gather" >> inference.examples_together(self._batch_size)
            | "Rank"
            >> beam.ParDo(self._rank).with_output_types(pa.Table).with_outputs(inference.PAIRS, main=inference.RANKS)
        )


def _write_rows(rows: beam.PCollection, folder: str, schema: pa.Schema) -> None:
    name = folder.rsplit("/", 1)[-1]
    _ = rows | f"Write {name}" >> parquetio.WriteToParquetBatched(
        f"{folder}/rows", schema=schema, file_name_suffix=".parquet"
    )


def _report(input_dict: Artifacts) -> str | None:
    """SequenceGen's counts, where they are an input."""
    found = input_dict.get("sequence_report") or []
    return f"{artifact_utils.get_single_uri(found)}/{contents.SEQUENCE_REPORT_FILE}" if found else None


def _write_json(folder: str, name: str, content: Any) -> None:
    io_utils.write_string_file(f"{folder}/{name}", json.dumps(content, indent=2) + "\n")


def _bless(artifact: types.Artifact, decision: blessing.Decision, input_dict: Artifacts) -> None:
    """Writes what TFX's own Evaluator writes: the marker file, and properties that name the models compared."""
    name = constants.BLESSED_FILE_NAME if decision.blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(f"{artifact.uri}/{name}", "")
    artifact.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(decision.blessed))
    artifact.set_string_custom_property(constants.ARTIFACT_PROPERTY_BLESSING_MESSAGE_KEY, decision.why)
    model = artifact_utils.get_single_instance(input_dict["model"])
    artifact.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    artifact.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    for baseline in input_dict.get("baseline_model") or []:
        artifact.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        artifact.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
