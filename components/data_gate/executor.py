"""DataGate's work: three artifacts in, a report out, or an error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.data_gate import anomalies, interactions, read, refusal
from components.data_gate.options import Options
from schemas import features as f
from schemas.contents import DATA_REPORT_FILE
from schemas.records import DataSummary

if TYPE_CHECKING:
    from tfx import types


class Executor(base_executor.BaseExecutor):
    """Judges the interactions."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes what it saw, or refuses.

        Args:
            input_dict: `examples` (interactions), `anomalies` (ExampleValidator's), `rejected`.
            output_dict: `report`.
            exec_properties: `options`, `mask_seen` (0 or 1), `session_gap` (minutes; absent: none); `code_version` only
                serves the cache.
        Raises: GateRefused: too many rejected rows, none left, a single item, no label, an anomaly of a refused kind,
            or too many labels that masking makes unreachable. All grounds are in one error, since a stage that raises
            leaves no report.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        options = Options.model_validate_json(exec_properties["options"])
        mask_seen = bool(exec_properties["mask_seen"])
        rejected_uri = artifact_utils.get_single_uri(input_dict["rejected"])
        summary = _summary(input_dict, options, mask_seen, exec_properties.get("session_gap"))
        found = refusal.problems(
            summary,
            options,
            mask_seen,
            read.samples(rejected_uri, summary.reasons),
            rejected_uri,
            artifact_utils.get_single_uri(input_dict["anomalies"]),
        )
        if found:
            raise refusal.refusal(found)
        for warning in summary.warnings:
            logging.warning("DataGate: %s", warning)
        read.write(summary, artifact_utils.get_single_uri(output_dict["report"]), DATA_REPORT_FILE)


def _summary(
    input_dict: dict[str, list[types.Artifact]], options: Options, mask_seen: bool, session_gap: float | None
) -> DataSummary:
    rows = read.counts(artifact_utils.get_single_uri(input_dict["rejected"]))
    files = read.files(artifact_utils.get_split_uri(input_dict["examples"], f.ALL), "*")
    counts = interactions.count(files, session_gap=session_gap)
    found = read.content(os.path.join(artifact_utils.get_split_uri(input_dict["anomalies"], f.ALL), "SchemaDiff.pb"))
    unreachable = counts.repeated_labels / counts.labels if mask_seen and counts.labels else 0.0
    summary = DataSummary(
        read=rows.read,
        used=rows.used,
        rejected=rows.rejected,
        rejected_share=rows.rejected / max(rows.read, 1),
        reasons=rows.reasons,
        **vars(counts),
        unreachable_share=unreachable,
        anomalies=anomalies.parse(found, options),
        warnings=[],
    )
    return summary.model_copy(update={"warnings": refusal.warnings(summary)})
