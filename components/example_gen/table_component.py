"""Declaration of TableExampleGen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.example_gen.table_executor import Executor
from schemas.artifacts import RejectedRows

if TYPE_CHECKING:
    from components.example_gen.table_options import TableOptions


class TableExampleGenSpec(component_spec.ComponentSpec):
    """Outputs and properties; there are no inputs."""

    PARAMETERS = {  # noqa: RUF012 (TFX's form)
        "kind": component_spec.ExecutionParameter(type=str),
        "options": component_spec.ExecutionParameter(type=str),
        "fingerprint": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "rejected": component_spec.ChannelParameter(type=RejectedRows),
    }


class TableExampleGen(base_component.BaseComponent):
    """Reads a table of items or of users; give each its own `.with_id`.

    Outputs: `examples`, one split `all`, Parquet, columns of schemas.features; `rejected`, the rows that can't be used.
    """

    SPEC_CLASS = TableExampleGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, options: TableOptions, fingerprint: str, code_version: str) -> None:
        """Declares the stage.

        Args:
            options: what to read, and how.
            fingerprint: of the files' content (inputs.fingerprint), so that the cache sees changed data.
            code_version: of the stage's code, for the same reason.
        """
        super().__init__(
            TableExampleGenSpec(
                kind=options.kind,
                options=options.model_dump_json(),
                fingerprint=fingerprint,
                code_version=code_version,
                examples=types.Channel(type=standard_artifacts.Examples),
                rejected=types.Channel(type=RejectedRows),
            )
        )
