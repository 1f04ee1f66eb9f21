"""Generalised binary cross-entropy against drawn items (Petrov, Macdonald, gSASRec, RecSys 2023)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from ranker.negatives import evenly
from ranker.registry import NamedOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.catalogue import Catalogue


class Options(NamedOptions):
    """Knobs of the loss."""

    name: Literal["gbce"] = "gbce"
    negatives: Annotated[
        SerializeAsAny[NamedOptions],
        BeforeValidator(evenly),
        Field(
            description="name: a file of ranker/negatives, and that file's knobs. The calibration is made for uniform "
            "draws; under others, scores tend to what they are beside how often an item is drawn"
        ),
    ] = "uniform"  # type: ignore[assignment]
    calibration: Annotated[
        float,
        Field(
            description="1: probabilities come out as those of the whole catalogue would; 0: as plain binary "
            "cross-entropy over a sample has them, too high",
            ge=0.0,
            le=1.0,
        ),
    ] = 0.75


def build(options: Options, catalogue: Catalogue) -> Callable[..., Any]:
    """The loss, as ranker.losses says.

    Of one position with label y and k negatives j it is -beta log sigmoid(z_y + c) - sum over j of log(1 - sigmoid(z_j
    + c)). The sampling rate is alpha = negatives drawn / items that aren't the label; beta = alpha (t (1 - 1 / alpha) +
    1 / alpha), which is 1 + t (alpha - 1), with t the calibration.

    Two constants differ from the paper's, and change no order. c = log(beta / k): scores near zero, where they begin,
    are the odds of an average item, while with c = 0 training begins by pushing every item down. And nothing is divided
    by k + 1, since gradients as small as Adam's epsilon would hardly move a rare item.
    """
    import tensorflow as tf

    from ranker.sampled_losses import Logits, SampledLoss, sampler_of

    sampler = sampler_of(options.negatives, catalogue)
    rest = max(len(catalogue.items) - 1, 1)
    drawn = min(sampler.count, rest)
    beta = 1.0 + options.calibration * (drawn / rest - 1.0)
    offset = math.log(beta / drawn)

    def of_positions(found: Logits) -> tf.Tensor:
        against = found.sum_over_negatives(tf.nn.softplus(found.others + offset))
        return beta * tf.nn.softplus(-found.own - offset) + against

    return SampledLoss(of_positions, sampler, options.name)
