"""Pusher's declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.pusher.executor import Executor
from schemas.artifacts import RejectedRows

if TYPE_CHECKING:
    from tfx.types import BaseChannel

    from components.pusher.options import Options


class PusherSpec(ComponentSpec):
    """What Pusher reads and writes."""

    INPUTS = {  # noqa: RUF012
        "model": ChannelParameter(type=standard_artifacts.Model),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "rejected": ChannelParameter(type=RejectedRows),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}  # noqa: RUF012
    PARAMETERS = {  # noqa: RUF012
        "model_name": ExecutionParameter(type=str),
        "target": ExecutionParameter(type=str),
        "options": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
        "key_id": ExecutionParameter(type=str),
    }


class Pusher(base_component.BaseComponent):
    """Publishes a blessed model as the next version under the target, with a manifest beside it.

    A model that isn't blessed is not published, and what is served stays. Neither is the newest version again.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: BaseChannel,
        blessing: BaseChannel,
        evaluation: BaseChannel,
        rejected: BaseChannel,
        target: str,
        options: Options,
        code_version: str,
        key_id: str = "",
        model_name: str = "",
        infra_blessing: BaseChannel | None = None,
    ) -> None:
        """Declares the stage.

        Args:
            model: Model, Trainer's.
            blessing: ModelBlessing, Evaluator's, on that model.
            evaluation: ModelEvaluation: the figures that go into the manifest.
            rejected: RejectedRows, InteractionExampleGen's: counts.json names the data files and their digests.
            target: folder or fsspec URL that holds the versions of this model and nothing else.
            options: the stage's knobs.
            code_version: digest of the code that the stage runs on.
            key_id: of the key that models are encrypted with, so that the cache sees another one; "": not known here.
            infra_blessing: InfraBlessing, ModelCheck's, on that model; None: nobody looked.
            model_name: the model's name in the manifest; "": the last part of the target.
        """
        spec = PusherSpec(
            model=model,
            blessing=blessing,
            evaluation=evaluation,
            rejected=rejected,
            infra_blessing=infra_blessing,
            pushed_model=Channel(type=standard_artifacts.PushedModel),
            model_name=model_name or target.rstrip("/").rsplit("/", 1)[-1],
            target=target,
            options=options.model_dump_json(),
            code_version=code_version,
            key_id=key_id,
        )
        super().__init__(spec=spec)
