"""The label ranked above the highest of the drawn items (Hidasi, Karatzoglou, CIKM 2018, equation 10: BPR-max)."""

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

    name: Literal["bpr_max"] = "bpr_max"
    negatives: Annotated[
        SerializeAsAny[NamedOptions],
        BeforeValidator(evenly),
        Field(
            description="name: a file of ranker/negatives, and that file's knobs; scores tend to what they are beside "
            "how often an item is drawn"
        ),
    ] = "uniform"  # type: ignore[assignment]
    regularisation: Annotated[
        float,
        Field(
            description="weight of the drawn items' squared scores, which keeps scores near zero; much of it keeps "
            "popular items down, whose biases begin above zero",
            ge=0.0,
        ),
    ] = 0.01


def build(options: Options, catalogue: Catalogue) -> Callable[..., Any]:
    """The loss, as ranker.losses says.

    Of one position with label y and negatives j it is -log(sum over j of s_j sigmoid(z_y - z_j)) + lambda sum over j
    of s_j z_j^2, with s the softmax of the negatives' scores and lambda the regularisation; 0 without negatives.
    """
    import tensorflow as tf

    from ranker.sampled_losses import Logits, SampledLoss, sampler_of

    def of_positions(found: Logits) -> tf.Tensor:
        log_shares, shares = found.softmax_of_negatives()
        above = tf.math.log_sigmoid(found.own[:, tf.newaxis] - found.others)
        squares = tf.reduce_sum(shares * found.others**2, axis=1)
        losses = options.regularisation * squares - tf.reduce_logsumexp(log_shares + above, axis=1)
        return tf.where(found.number_of_negatives() > 0, losses, 0.0)

    return SampledLoss(of_positions, sampler_of(options.negatives, catalogue), options.name)
