"""Interactions in, sequences and their counts out."""

from __future__ import annotations

import datetime
import json
import posixpath
from typing import Any, Final

import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components.sequence_gen import files, users
from components.sequence_gen.flow import Plan, build
from components.sequence_gen.options import Options
from components.sequence_gen.times import time_range
from schemas import contents
from schemas import features as f
from schemas.buckets import number_of_buckets
from schemas.errors import DataError
from schemas.logs import number_of_rows, parquet_files
from schemas.records import SequenceCounts

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Executor(base_beam_executor.BaseBeamExecutor):
    """SequenceGen's work."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Makes sequences.

        Args:
            input_dict: examples: interactions, payload Parquet, split "all"; users, optional: the users table, the
                same way.
            output_dict: sequences: Examples, one tf.Example a sequence; item_counts: ItemCounts; report:
                SequenceReport.
            exec_properties: options: Options without the window, as JSON; window: int.
        Raises: DataError: there are no interactions, or too few for each split to have something.
        """
        window = int(exec_properties["window"])
        options = Options.model_validate({**json.loads(exec_properties["options"]), "window": window})
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        sequences, item_counts, report = (
            artifact_utils.get_single_instance(output_dict[name]) for name in ("sequences", "item_counts", "report")
        )
        paths = parquet_files(examples)
        newest = examples.span if options.span_labels != "all" and _has_spans(paths) else None
        rule = options.split.resolved(lambda: _range(paths)[1])
        user_files = tuple(path for table in input_dict.get("users", ()) for path in parquet_files(table))
        plan = Plan(
            files=paths,
            options=options.model_copy(update={"split": rule}),
            window=window,
            buckets=options.buckets or number_of_buckets(number_of_rows(examples, paths)),
            sequences=sequences.uri,
            item_counts=posixpath.join(item_counts.uri, contents.ITEM_COUNTS_FILE),
            report=posixpath.join(report.uri, contents.SEQUENCE_REPORT_FILE),
            newest=newest,
            user_files=user_files,
            user_features=_user_features(user_files),
        )
        for split in f.SEQUENCE_SPLITS:
            files.make_folder(posixpath.join(sequences.uri, f"Split-{split}"))
        with self._make_beam_pipeline() as pipeline:
            build(pipeline, plan)
        files.remove_temporary(sequences.uri)
        made = _read_report(plan.report)
        _check(made, options, paths)
        _describe(sequences, item_counts, plan, made)


def _has_spans(paths: tuple[str, ...]) -> bool:
    """Whether each row says its span: each file has the same columns."""
    with FileSystems.open(paths[0]) as handle:
        return f.SPAN in pq.ParquetFile(handle).schema_arrow.names


def _read_report(path: str) -> SequenceCounts:
    with FileSystems.open(path) as handle:
        return SequenceCounts.model_validate_json(handle.read())


def _range(paths: tuple[str, ...]) -> tuple[int, int]:
    """The times of the oldest and the newest interaction; 0 where there is none."""
    return time_range(paths) or (0, 0)


def _user_features(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The users table's features: each file has the same columns."""
    for path in paths[:1]:
        with FileSystems.open(path) as handle:
            return users.names(pq.ParquetFile(handle).schema_arrow)
    return ()


def _check(made: SequenceCounts, options: Options, paths: tuple[str, ...]) -> None:
    """Refuses sequences that nothing could train on, or be evaluated on."""
    left = {
        f.TRAIN: (made.training_interactions, "an interaction to train on"),
        f.VALID: (made.examples[f.VALID], "a validation label"),
        f.TEST: (made.examples[f.TEST], "a test label"),
    }
    if made.newest_span is not None:
        left[f.TRAIN] = (made.training_labels or 0, "a label to train on")
    missing = next((split for split, (number, _) in left.items() if not number), None)
    if missing is None:
        return
    of_span = "" if made.newest_span is None else f"\nLabels are of span {made.newest_span} alone."
    oldest, newest = (_moment(time) for time in _range(paths))
    moments = f" Validation begins at {made.valid_from}, test at {made.test_from}." if made.valid_from else ""
    core = " Or lower sequence_gen.k_core." if options.k_core.active else ""
    raise DataError(
        f"The interactions leave not even {left[missing][1]}.",
        where=f"sequence_gen.split: {options.split.name}",
        why=f"{made.interactions:,} interactions of {made.users:,} users, {made.users_without_training:,} of them "
        f"without training events; dropped: {made.duplicates:,} exact duplicates, {made.repeats_dropped:,} repeats, "
        f"{made.below_core:,} by k-core.\nEvents are from {oldest} to {newest}.{moments}{of_span}",
        next_step=options.split.advice(missing) + core + (" Or see sequence_gen.span_labels." if of_span else ""),
    )


def _moment(time: int) -> str:
    """A time for people; a number of milliseconds where there is no such date."""
    try:
        return str(_EPOCH + datetime.timedelta(milliseconds=time))
    except OverflowError:
        return f"{time:,} ms after 1970"


def _describe(sequences: types.Artifact, item_counts: types.Artifact, plan: Plan, made: SequenceCounts) -> None:
    """Sets the properties that later stages read."""
    sequences.split_names = artifact_utils.encode_split_names(list(f.SEQUENCE_SPLITS))
    sequences.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    sequences.set_string_custom_property("file_format", "tfrecords_gzip")
    item_counts.items = made.items
    item_counts.interactions = made.training_interactions
    item_counts.window = plan.window
    item_counts.mask_seen = int(plan.options.mask_seen)
