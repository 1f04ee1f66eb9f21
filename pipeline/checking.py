"""What stands between the Evaluator and the push where it is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.model_check.component import ModelCheck
from pipeline.training import Found

if TYPE_CHECKING:
    from tfx.types import BaseChannel

    from pipeline.config import Config


def model_check(
    config: Config, model: BaseChannel, examples: BaseChannel, item_counts: BaseChannel, *, code_version: str
) -> Found:
    """Wires the check of the exported model in a server of its own, if there is to be one.

    Args:
        config: the resolved configuration.
        model: Trainer's.
        examples, item_counts: SequenceGen's.
        code_version: of the check, the server's code among it.
    """
    if config.model_check is None:
        return Found()
    stage = ModelCheck(
        model=model, examples=examples, item_counts=item_counts, options=config.model_check, code_version=code_version
    )
    return Found((stage,), stage.outputs["blessing"])
