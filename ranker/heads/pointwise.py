"""How probable it is that a candidate is the next item and not one drawn at random: P = sigmoid(z).

What a probability means follows from what the model was trained against: with p_i the probability that the next item
is i, q_i that with which i is drawn (model.loss.negatives), where what is the label itself or no candidate counts as
not drawn, and r the negatives a label (model.loss.ratio), the loss is least where the odds P / (1 - P) are those of a
pair (history, i) to be one that happened: p_i / (r (1 - p_i) q_i), about. With even draws from n items and r = 1, P is
0.5 where p_i is 1 / n, what it would be by chance. Twice the ratio halves all odds, and leaves the order of items as
it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ranker.heads import HeadOptions

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue
    from ranker.prediction import Prediction
    from ranker.registry import NamedOptions


class Options(HeadOptions):
    """Knobs of the head; draws and ratio are the loss's."""

    losses: ClassVar[tuple[str, ...]] = ("binary_cross_entropy",)
    monitor: ClassVar[str] = "val_log_loss"
    rises: ClassVar[bool] = False

    name: Literal["pointwise"] = "pointwise"


def build(options: Options, catalogue: Catalogue, loss: Any, knobs: NamedOptions) -> Prediction:
    """The head, as ranker.heads says; a score is P."""
    from ranker.prediction import Pointwise

    return Pointwise(catalogue, loss, knobs.ratio)  # type: ignore[attr-defined]
