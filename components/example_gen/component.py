"""Declaration of InteractionExampleGen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.example_gen.executor import Executor
from components.example_gen.options import SEPARATOR
from schemas.artifacts import RejectedRows

if TYPE_CHECKING:
    from components.example_gen.options import Options


class InteractionExampleGenSpec(component_spec.ComponentSpec):
    """Outputs and properties; there are no inputs."""

    PARAMETERS = {  # noqa: RUF012 (TFX's form)
        "data": component_spec.ExecutionParameter(type=str),
        "options": component_spec.ExecutionParameter(type=str),
        "fingerprint": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "rejected": component_spec.ChannelParameter(type=RejectedRows),
    }


class InteractionExampleGen(base_beam_component.BaseBeamComponent):
    """Reads interaction logs.

    Outputs: `examples`, one split `all`, Parquet, columns of schemas.features; `rejected`, the rows that can't be used.
    """

    SPEC_CLASS = InteractionExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, options: Options, fingerprint: str, code_version: str) -> None:
        """Declares the stage.

        Args:
            options: what to read, and how; `data` is turned at run time on a cluster, so it is a property of its own.
            fingerprint: of the files' content (inputs.fingerprint), so that the cache sees changed data; "": the stage
                makes it, where nobody can look at the files before.
            code_version: of the stage's code, for the same reason.
        """
        super().__init__(
            InteractionExampleGenSpec(
                data=SEPARATOR.join(options.data),
                options=options.model_dump_json(),
                fingerprint=fingerprint,
                code_version=code_version,
                examples=types.Channel(type=standard_artifacts.Examples),
                rejected=types.Channel(type=RejectedRows),
            )
        )
