"""Binary cross-entropy of the label against drawn items, for a model whose scores are logits of a probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from ranker.negatives import evenly
from ranker.registry import NamedOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.catalogue import Catalogue


class Options(NamedOptions):
    """Knobs of the loss."""

    name: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    negatives: Annotated[
        SerializeAsAny[NamedOptions],
        BeforeValidator(evenly),
        Field(
            description="name: a file of ranker/negatives, and that file's knobs; a probability is that of the label "
            "among items drawn like this"
        ),
    ] = "uniform"  # type: ignore[assignment]
    ratio: Annotated[
        float,
        Field(
            description="what the drawn items weigh together, where the label weighs 1: the number of negatives a "
            "label that probabilities are meant for, however many are drawn",
            gt=0.0,
        ),
    ] = 1.0


def build(options: Options, catalogue: Catalogue) -> Callable[..., Any]:
    """The loss, as ranker.losses says.

    Of one position with label y and negatives j it is -log sigmoid(z_y) - r mean over j of log(1 - sigmoid(z_j)), with
    r the ratio. It is least where sigmoid(z_i) = p_i / (p_i + r q_i), with p_i the label's and q_i the draws'
    probability of item i. (Kang, McAuley, SASRec, ICDM 2018, with one negative a label; He et al., Neural
    collaborative filtering, WWW 2017, with several.)
    """
    import tensorflow as tf

    from ranker.sampled_losses import Logits, SampledLoss, sampler_of

    def of_positions(found: Logits) -> tf.Tensor:
        against = found.sum_over_negatives(tf.nn.softplus(found.others))
        mean = tf.math.divide_no_nan(against, found.number_of_negatives())
        return tf.nn.softplus(-found.own) + options.ratio * mean

    return SampledLoss(of_positions, sampler_of(options.negatives, catalogue), options.name)
