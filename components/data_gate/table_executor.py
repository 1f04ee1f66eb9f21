"""TableGate's work: a table held against its schema and against the log; a report out, or an error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.data_gate import anomalies, read, refusal, table
from components.data_gate.options import Options
from schemas import features as f
from schemas.contents import TABLE_REPORT_FILE
from schemas.records import TableSummary

if TYPE_CHECKING:
    from tfx import types

_ID = {"items": f.ITEM_ID, "users": f.USER_ID}


class Executor(base_executor.BaseExecutor):
    """Judges a table."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes what it saw, or refuses.

        Args:
            input_dict: `table` (TableExampleGen's examples), `anomalies` (ExampleValidator's), `rejected`, and
                `examples`, the interactions.
            output_dict: `report`.
            exec_properties: `kind` (items or users), `options`; `code_version` only serves the cache.
        Raises: GateRefused: too many rejected rows, none left, an anomaly of a refused kind, too many ids of the log
            without a row, or too many events before their item's publication. All grounds are in one error.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        options, kind = Options.model_validate_json(exec_properties["options"]), exec_properties["kind"]
        summary = _summary(input_dict, options, kind)
        rejected_uri = artifact_utils.get_single_uri(input_dict["rejected"])
        samples = read.samples(rejected_uri, summary.reasons)
        found = [
            refusal.rejected(summary, options.max_rejected, samples, rejected_uri, kind),
            refusal.anomalies(summary, artifact_utils.get_single_uri(input_dict["anomalies"]), f"{kind}.pbtxt"),
            _missing(summary, options, kind),
            _early(summary, options),
        ]
        problems = [problem for problem in found if problem]
        if problems:
            raise refusal.refusal(problems)
        for warning in summary.warnings:
            logging.warning("TableGate: %s", warning)
        read.write(summary, artifact_utils.get_single_uri(output_dict["report"]), TABLE_REPORT_FILE)


def _summary(input_dict: dict[str, list[types.Artifact]], options: Options, kind: str) -> TableSummary:
    rows = read.counts(artifact_utils.get_single_uri(input_dict["rejected"]))
    rows_of, log = (
        read.files(artifact_utils.get_split_uri(input_dict[name], f.ALL), "*") for name in ("table", "examples")
    )
    found = os.path.join(artifact_utils.get_split_uri(input_dict["anomalies"], f.ALL), "SchemaDiff.pb")
    summary = TableSummary(
        read=rows.read,
        used=rows.used,
        rejected=rows.rejected,
        rejected_share=rows.rejected / max(rows.read, 1),
        reasons=rows.reasons,
        **vars(table.match(rows_of, log, _ID[kind])),
        anomalies=anomalies.parse(read.content(found), options),
        warnings=[],
    )
    return summary.model_copy(update={"warnings": _warnings(summary, kind)})


def _missing(summary: TableSummary, options: Options, kind: str) -> refusal.Problem | None:
    if not summary.used or summary.missing_share <= options.max_missing:
        return None
    return refusal.Problem(
        f"{refusal.percent(summary.missing_share)} of the log's {kind} have no row in the table; the limit is "
        f"{refusal.percent(options.max_missing)} (data_gate.max_missing).",
        (f"{summary.missing:,} of {summary.ids_in_log:,}, such as {', '.join(map(repr, summary.missing_examples))}.",),
        f"see that {kind}.columns.id names the column with the log's ids, written as the log writes them.",
    )


def _early(summary: TableSummary, options: Options) -> refusal.Problem | None:
    if summary.early_events is None or summary.early_events <= options.max_early:
        return None
    return refusal.Problem(
        f"{refusal.percent(summary.early_events)} of the events come before their item's publication; the limit is "
        f"{refusal.percent(options.max_early)} (data_gate.max_early).",
        ("What isn't published yet is no candidate, so nearly every label would be found.",),
        "see that items.columns.published says when items appeared, not when they last changed, and items.time_format.",
    )


def _warnings(summary: TableSummary, kind: str) -> list[str]:
    said = []
    if summary.missing:
        events = refusal.percent(summary.missing_events)
        said.append(
            f"{summary.missing:,} of the log's {summary.ids_in_log:,} {kind} have no row, those of {events} of events."
        )
    if summary.early_events:
        said.append(f"{refusal.percent(summary.early_events)} of the events come before their item's publication.")
    empty = [name.removeprefix(f.FEATURE_PREFIX) for name, share in summary.empty.items() if share == 1]
    if empty and summary.used:
        said.append(f"every cell is empty in {', '.join(empty)}.")
    return said
