"""ModelCheck's declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.model_check.executor import Executor
from schemas.artifacts import ItemCounts

if TYPE_CHECKING:
    from tfx.types import BaseChannel

    from components.model_check.options import Options


class ModelCheckSpec(ComponentSpec):
    """What ModelCheck reads and writes."""

    INPUTS = {  # noqa: RUF012 - the form that TFX asks for
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "item_counts": ChannelParameter(type=ItemCounts),
    }
    OUTPUTS = {"blessing": ChannelParameter(type=standard_artifacts.InfraBlessing)}  # noqa: RUF012
    PARAMETERS = {  # noqa: RUF012
        "options": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }


class ModelCheck(base_component.BaseComponent):
    """Starts the exported model in a fresh process, as serving would, and sends it real and hostile requests."""

    SPEC_CLASS = ModelCheckSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, model: BaseChannel, examples: BaseChannel, item_counts: BaseChannel, options: Options, code_version: str
    ) -> None:
        """Declares the stage.

        Args:
            model: Model, Trainer's.
            examples: SequenceGen's sequences; histories of the split valid are asked for.
            item_counts: whether items of the past may be answered.
            options: the stage's knobs.
            code_version: digest of the code that the stage runs on, the server's among it.
        """
        spec = ModelCheckSpec(
            model=model,
            examples=examples,
            item_counts=item_counts,
            blessing=Channel(type=standard_artifacts.InfraBlessing),
            options=options.model_dump_json(),
            code_version=code_version,
        )
        super().__init__(spec=spec)
