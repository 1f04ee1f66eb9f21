"""How probable it is that a candidate is the next item and not one drawn at random: P = sigmoid(z).

What a probability means follows from what the model was trained against: with p_i the probability that the next item
is i, q_i that with which i is drawn (model.loss.negatives) and r the negatives a label (model.loss.ratio), the loss is
least where the odds P / (1 - P) are p_i / (r q_i). So with even draws and r = 1, P = 0.5 is the item that comes next as
often as one of n would by chance; twice the ratio halves all odds, and leaves the order of items as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from ranker.heads import HeadOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ranker.catalogue import Catalogue
    from ranker.prediction import Prediction


class Options(HeadOptions):
    """Knobs of the head; draws and ratio are the loss's."""

    losses: ClassVar[tuple[str, ...]] = ("binary_cross_entropy",)
    monitor: ClassVar[str] = "val_log_loss"
    rises: ClassVar[bool] = False

    name: Literal["pointwise"] = "pointwise"


def build(options: Options, catalogue: Catalogue, loss: Callable[..., Any]) -> Prediction:
    """The head, as ranker.heads says; a score is P."""
    from ranker.prediction import Pointwise

    return Pointwise(catalogue, loss)
