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

from components.evaluator import blessing, inference, per_user, report, sampling, tfma_run
from components.evaluator.options import Options
from schemas import artifacts, errors, features, models, records

SPLITS = (features.VALID, features.TEST)
Artifacts = dict[str, list[types.Artifact]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Evaluates a candidate, and the latest blessed model where there is one, on the same rows."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """Evaluates and decides.

        Args:
            input_dict: examples, model, item_counts; baseline_model and sequence_report may be absent or empty.
            output_dict: evaluation, blessing.
            exec_properties: options (JSON of Options), code_version.
        Raises: ModelError: a model that isn't there, or without the signature `evaluate`; DataError: no examples.
        """
        options = Options.model_validate_json(exec_properties["options"])
        folders = _model_folders(input_dict)
        evaluation = artifact_utils.get_single_uri(output_dict["evaluation"])
        compared = _compared(input_dict, folders)
        shares = sampling.shares(_report(input_dict), SPLITS, options.max_labels)
        self._infer(input_dict, folders, compared, shares, evaluation, options)
        _write_json(evaluation, artifacts.RANKED_SHARE_FILE, shares)
        rows = per_user.read(f"{evaluation}/{artifacts.PER_USER_FOLDER}")
        _write_json(evaluation, artifacts.METRICS_FILE, report.report(evaluation, rows, compared, options))
        decision = blessing.decide(rows, options)
        _write_json(evaluation, artifacts.BLESSING_FILE, decision.model_dump())
        _bless(artifact_utils.get_single_instance(output_dict["blessing"]), decision, input_dict)

    def _infer(
        self,
        input_dict: Artifacts,
        folders: dict[str, str],
        compared: list[str],
        shares: dict[str, float],
        evaluation: str,
        options: Options,
    ) -> None:
        """One Beam pipeline: rows to Parquet, and on to TFMA."""
        item_counts = f"{artifact_utils.get_single_uri(input_dict['item_counts'])}/{artifacts.ITEM_COUNTS_FILE}"
        catalogue = len(per_user.read_item_counts(item_counts))
        config = tfma_run.eval_config(compared, options.cutoffs, catalogue, options.slices)
        locations = {per_user.POPULARITY: "items by training count", **folders}
        if per_user.RECENT in compared:
            locations[per_user.RECENT] = "the user's own latest items"
        counted = item_counts if per_user.RECENT in compared else None
        ranks = {split: inference.Rank(split, *_models(folders), options.batch_size, counted) for split in SPLITS}
        fileio.makedirs(f"{evaluation}/{artifacts.PER_USER_FOLDER}")
        with self._make_beam_pipeline() as pipeline:
            rows = [
                pipeline
                | f"Rank {split}"
                >> _RankSplit(_split_pattern(input_dict, split), ranks[split], shares[split], options.batch_size)
                for split in SPLITS
            ] | beam.Flatten()
            _ = rows | "Write" >> parquetio.WriteToParquetBatched(
                f"{evaluation}/{artifacts.PER_USER_FOLDER}/rows", schema=records.PER_USER, file_name_suffix=".parquet"
            )
            extracts = rows | "Extracts" >> beam.ParDo(tfma_run.Extracts(compared, options.cutoffs, item_counts))
            tfma_run.write_results(extracts, config, locations, evaluation)


class _RankSplit(beam.PTransform):
    """Reads the serialised sequences of a split and ranks their labels: tables of schemas.records.PER_USER."""

    def __init__(self, pattern: str, rank: inference.Rank, share: float, batch_size: int) -> None:
        super().__init__()
        self._pattern, self._rank, self._share, self._batch_size = pattern, rank, share, batch_size

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return (
            pipeline
            | "Read" >> beam.io.ReadFromTFRecord(self._pattern)
            | "Users" >> sampling.ChooseUsers(self._share)
            | "Gather" >> inference.examples_together(self._batch_size)
            | "Rank" >> beam.ParDo(self._rank).with_output_types(pa.Table)
        )


def _split_pattern(input_dict: Artifacts, split: str) -> str:
    (uri,) = artifact_utils.get_split_uris(input_dict["examples"], split)
    pattern = io_utils.all_files_pattern(uri)
    if not fileio.glob(pattern):
        raise errors.DataError(
            f"The sequences have no {split} split.",
            where=uri,
            next_step="Choose a split (sequence_gen.split) that leaves events for validation and for test.",
        )
    return pattern


def _model_folders(input_dict: Artifacts) -> dict[str, str]:
    """Folder of the candidate's SavedModel, and of the baseline's where there is one."""
    folders = {per_user.CANDIDATE: models.saved_model_folder(artifact_utils.get_single_uri(input_dict["model"]))}
    for baseline in input_dict.get("baseline_model") or []:
        folders[per_user.BASELINE] = models.saved_model_folder(baseline.uri)
    return folders


def _models(folders: dict[str, str]) -> tuple[str, str | None]:
    return folders[per_user.CANDIDATE], folders.get(per_user.BASELINE)


def _compared(input_dict: Artifacts, folders: dict[str, str]) -> list[str]:
    """Keys of per_user.RANK_COLUMNS, the candidate first."""
    masked = bool(artifact_utils.get_single_instance(input_dict["item_counts"]).mask_seen)
    there = {per_user.BASELINE: per_user.BASELINE in folders, per_user.RECENT: not masked}
    return [per_user.CANDIDATE, per_user.POPULARITY, *(name for name, is_there in there.items() if is_there)]


def _report(input_dict: Artifacts) -> str | None:
    """SequenceGen's counts, where they are an input."""
    found = input_dict.get("sequence_report") or []
    return f"{artifact_utils.get_single_uri(found)}/{artifacts.SEQUENCE_REPORT_FILE}" if found else None


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
