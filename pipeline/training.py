"""What comes before the Trainer where it is configured, and how stages get at the models that are published."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from tfx.dsl.components.common.resolver import Resolver
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from components.tuner.component import Tuner
from components.tuner.options import Choices
from pipeline.latest_blessed import LatestPublished
from pipeline.start_model import LatestOfOtherData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfx.dsl.components.base.base_node import BaseNode
    from tfx.types import BaseChannel

    from pipeline.config import Config


class Found(NamedTuple):
    """stages: one, or none where it isn't configured. output: what the Trainer takes from it."""

    stages: tuple[BaseNode, ...] = ()
    output: BaseChannel | None = None


def tuned(config: Config, data: Mapping[str, BaseChannel], *, code_version: str, checkpoint_root: str) -> Found:
    """Wires the search, if there is one.

    Args:
        config: the resolved configuration.
        data: the Trainer's inputs by name: the search trains on the same.
        code_version: of the search.
        checkpoint_root: where a killed search leaves what it needs to go on.
    """
    if config.tuner is None:
        return Found()
    tuner = Tuner(
        **data,
        options=config.tuner,
        job=config.trainer.job(),
        code_version=code_version,
        checkpoint_root=checkpoint_root,
    )
    return Found((tuner,), tuner.outputs["best_hyperparameters"])


class FindPublished(Protocol):
    """How stages get at the models that are published."""

    def start(self, config: Config, rejected: BaseChannel, target: str) -> Found:
        """The published model that training begins with, if it shall begin with one.

        Args:
            config: the resolved configuration.
            rejected: InteractionExampleGen's, which says what data this run has.
            target: the publish target.
        """
        ...

    def baseline(self, candidate: BaseChannel, target: str) -> Found:
        """What is served now, unless it is the candidate itself."""
        ...


class Resolved:
    """By resolvers before the stage, with the local ML Metadata."""

    def start(self, config: Config, rejected: BaseChannel, target: str) -> Found:
        if not config.trainer.warm_start:
            return Found()
        found = Resolver(
            strategy_class=LatestOfOtherData,
            config={"target": target},
            model=Channel(type=standard_artifacts.Model),
            rejected=rejected,
        ).with_id("StartModel")
        return Found((found,), found.outputs["model"])

    def baseline(self, candidate: BaseChannel, target: str) -> Found:
        found = Resolver(strategy_class=LatestPublished, config={"target": target}, model=candidate)
        found = found.with_id("LatestBlessedModel")
        return Found((found,), found.outputs["model"])


class FoundInStep:
    """By the step itself, as on Kubeflow, which has no resolvers (pipeline.runners.kubeflow.published)."""

    def start(self, config: Config, rejected: BaseChannel, target: str) -> Found:
        return Found()

    def baseline(self, candidate: BaseChannel, target: str) -> Found:
        return Found()


def embeds_users(config: Config) -> bool:
    """Whether the model has an embedding of the user, or could have one after the search."""
    return _on(config, "user_embedding")


def keeps_long_term(config: Config) -> bool:
    """Whether the model looks at users' long term, or could after the search."""
    return _on(config, "long_term_rank")


def _on(config: Config, knob: str) -> bool:
    """Whether a knob of the model is on (neither false nor 0), or could be after the search."""
    dimension = config.tuner.space.get(f"model.{knob}") if config.tuner is not None else None
    searched = any(dimension.choices) if isinstance(dimension, Choices) else dimension is not None
    return bool(getattr(config.trainer.model, knob)) or searched
