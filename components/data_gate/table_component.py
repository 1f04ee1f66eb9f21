"""Declaration of TableGate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.data_gate.table_executor import Executor
from schemas.artifacts import DataReport, RejectedRows

if TYPE_CHECKING:
    from components.data_gate.options import Options


class TableGateSpec(component_spec.ComponentSpec):
    """Inputs, output and properties."""

    PARAMETERS = {  # noqa: RUF012 (TFX's form)
        "options": component_spec.ExecutionParameter(type=str),
        "kind": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "table": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "rejected": component_spec.ChannelParameter(type=RejectedRows),
    }
    OUTPUTS = {"report": component_spec.ChannelParameter(type=DataReport)}  # noqa: RUF012


class TableGate(base_component.BaseComponent):
    """Stops the chain where a table of items or users doesn't fit the log; else writes table.json."""

    SPEC_CLASS = TableGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        kind: Literal["items", "users"],
        table: types.BaseChannel,
        anomalies: types.BaseChannel,
        rejected: types.BaseChannel,
        examples: types.BaseChannel,
        options: Options,
        code_version: str,
    ) -> None:
        """Declares the stage; give each of two its own `.with_id`.

        Args:
            kind: what a row of the table is.
            table: rows, as TableExampleGen writes them.
            anomalies: ExampleValidator's, of the table.
            rejected: TableExampleGen's rejected rows and counts.
            examples: interactions, as InteractionExampleGen writes them.
            options: what is refused.
            code_version: of the stage's code, for the cache.
        """
        super().__init__(
            TableGateSpec(
                kind=kind,
                table=table,
                anomalies=anomalies,
                rejected=rejected,
                examples=examples,
                options=options.model_dump_json(),
                code_version=code_version,
                report=types.Channel(type=DataReport),
            )
        )
