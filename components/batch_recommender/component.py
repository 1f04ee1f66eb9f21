"""BatchRecommender's declaration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.batch_recommender.executor import Executor
from schemas.artifacts import Recommendations

if TYPE_CHECKING:
    from tfx.types import BaseChannel

    from components.batch_recommender.options import Options


class BatchRecommenderSpec(ComponentSpec):
    """What BatchRecommender reads and writes."""

    INPUTS = {  # noqa: RUF012 - the form that TFX asks for
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
    }
    OUTPUTS = {"recommendations": ChannelParameter(type=Recommendations)}  # noqa: RUF012
    PARAMETERS = {  # noqa: RUF012
        "options": ExecutionParameter(type=str),
        "histories": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }


class BatchRecommender(base_beam_component.BaseBeamComponent):
    """Asks the published model for every user of the log, with all of the user's events."""

    SPEC_CLASS = BatchRecommenderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        pushed_model: BaseChannel,
        options: Options,
        *,
        repeats: str,
        session_gap: float | None,
        code_version: str,
    ) -> None:
        """Declares the stage.

        Args:
            examples: InteractionExampleGen's.
            pushed_model: Pusher's; where it published nothing, there are no lists.
            options: the stage's knobs.
            repeats, session_gap: SequenceGen's: histories are made as those that the model learnt.
            code_version: digest of the code that the stage runs on.
        """
        super().__init__(
            BatchRecommenderSpec(
                examples=examples,
                pushed_model=pushed_model,
                recommendations=Channel(type=Recommendations),
                options=options.model_dump_json(),
                histories=json.dumps({"repeats": repeats, "session_gap": session_gap}),
                code_version=code_version,
            )
        )
