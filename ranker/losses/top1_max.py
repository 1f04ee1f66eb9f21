"""The label ranked above the highest of the drawn items (Hidasi, Karatzoglou, CIKM 2018, equation 9: TOP1-max)."""

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

    name: Literal["top1_max"] = "top1_max"
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
            description="weight of what keeps the drawn items' scores near zero, 1 in the paper; much of it keeps "
            "popular items down, whose biases begin above zero",
            ge=0.0,
        ),
    ] = 0.01


def build(options: Options, catalogue: Catalogue) -> Callable[..., Any]:
    """The loss, as ranker.losses says.

    Of one position with label y and negatives j it is the sum over j of s_j (sigmoid(z_j - z_y) + lambda
    sigmoid(z_j^2)), with s the softmax of the negatives' scores and lambda the regularisation; 0 without negatives.
    """
    import tensorflow as tf

    from ranker.sampled_losses import Logits, SampledLoss, sampler_of

    def of_positions(found: Logits) -> tf.Tensor:
        _, shares = found.softmax_of_negatives()
        below = tf.sigmoid(found.others - found.own[:, tf.newaxis])
        return tf.reduce_sum(shares * (below + options.regularisation * tf.sigmoid(found.others**2)), axis=1)

    return SampledLoss(of_positions, sampler_of(options.negatives, catalogue), options.name)
