"""What comes after the push where it is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.batch_recommender.component import BatchRecommender
from pipeline.training import Found

if TYPE_CHECKING:
    from tfx.types import BaseChannel

    from pipeline.config import Config


def batch_recommender(config: Config, examples: BaseChannel, pushed_model: BaseChannel, *, code_version: str) -> Found:
    """Wires the lists for every user, if there are to be any.

    Args:
        config: the resolved configuration.
        examples: InteractionExampleGen's.
        pushed_model: Pusher's.
        code_version: of the stage.
    """
    if config.batch_recommender is None:
        return Found()
    stage = BatchRecommender(
        examples=examples,
        pushed_model=pushed_model,
        options=config.batch_recommender,
        repeats=config.sequence_gen.repeats,
        session_gap=config.sequence_gen.session_gap,
        code_version=code_version,
    )
    return Found((stage,), stage.outputs["recommendations"])
