"""Declaration of DataGate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.data_gate.executor import Executor
from schemas.artifacts import DataReport, RejectedRows

if TYPE_CHECKING:
    from components.data_gate.options import Options


class DataGateSpec(component_spec.ComponentSpec):
    """Inputs, output and properties."""

    PARAMETERS = {  # noqa: RUF012 (TFX's form)
        "options": component_spec.ExecutionParameter(type=str),
        "mask_seen": component_spec.ExecutionParameter(type=int),
        "session_gap": component_spec.ExecutionParameter(type=float, optional=True),
        "code_version": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "rejected": component_spec.ChannelParameter(type=RejectedRows),
    }
    OUTPUTS = {"report": component_spec.ChannelParameter(type=DataReport)}  # noqa: RUF012


class DataGate(base_component.BaseComponent):
    """Stops the chain where nothing should train on the data; else writes data.json."""

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        anomalies: types.BaseChannel,
        rejected: types.BaseChannel,
        mask_seen: bool,
        options: Options,
        code_version: str,
        session_gap: float | None = None,
    ) -> None:
        """Declares the stage.

        Args:
            examples: interactions, as InteractionExampleGen writes them.
            anomalies: ExampleValidator's.
            rejected: InteractionExampleGen's rejected rows and counts.
            mask_seen: whether items of the past are left out of what is ranked, so that a repeat can't be hit.
            options: what is refused.
            code_version: of the stage's code, for the cache.
            session_gap: minutes; a longer pause of a user begins a past of its own. None: never.
        """
        super().__init__(
            DataGateSpec(
                examples=examples,
                anomalies=anomalies,
                rejected=rejected,
                mask_seen=int(mask_seen),
                session_gap=session_gap,
                options=options.model_dump_json(),
                code_version=code_version,
                report=types.Channel(type=DataReport),
            )
        )
