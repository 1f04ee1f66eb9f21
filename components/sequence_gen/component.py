"""SequenceGen's place in the DAG."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.sequence_gen.executor import Executor
from components.sequence_gen.options import Options
from schemas import artifacts


class SequenceGenSpec(component_spec.ComponentSpec):
    """Channels and properties."""

    PARAMETERS = {  # noqa: RUF012
        "window": component_spec.ExecutionParameter(type=int),
        "options": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "users": component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True, allow_empty=False),
    }
    OUTPUTS = {  # noqa: RUF012
        "sequences": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "item_counts": component_spec.ChannelParameter(type=artifacts.ItemCounts),
        "report": component_spec.ChannelParameter(type=artifacts.SequenceReport),
    }


class SequenceGen(base_beam_component.BaseBeamComponent):
    """Makes users' sequences out of interactions.

    Args:
        examples: interactions, payload Parquet.
        window: events of a sequence at most; turned at run time on a cluster, so it is a property of its own.
        options: the other knobs.
        code_version: digest of the code that does the work.
        users: the users table, payload Parquet, whose categories join each sequence; None: there is none.
    """

    SPEC_CLASS = SequenceGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        window: int,
        options: Options,
        code_version: str,
        users: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            SequenceGenSpec(
                examples=examples,
                users=users,
                window=window,
                options=options.model_dump_json(exclude={"window"}),
                code_version=code_version,
                sequences=types.Channel(type=standard_artifacts.Examples),
                item_counts=types.Channel(type=artifacts.ItemCounts),
                report=types.Channel(type=artifacts.SequenceReport),
            )
        )
