"""Which item comes next: z orders items, and is the logarithm of a probability up to a constant of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ranker.heads import HeadOptions
from ranker.registry import names

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue
    from ranker.prediction import Prediction
    from ranker.registry import NamedOptions

_DEFAULT = "auto"  # by the size of the catalogue
_OTHERS = tuple(name for name in names("losses") if name not in (_DEFAULT, "mean_squared_error"))


class Options(HeadOptions):
    """Knobs of the head: none. Every loss fits that isn't one of ratings."""

    losses: ClassVar[tuple[str, ...]] = (_DEFAULT, *_OTHERS)
    monitor: ClassVar[str] = "val_ndcg@10"
    rises: ClassVar[bool] = True

    name: Literal["next_item"] = "next_item"


def build(options: Options, catalogue: Catalogue, loss: Any, knobs: NamedOptions) -> Prediction:
    """The head, as ranker.heads says; a score is z itself."""
    from ranker.prediction import NextItem

    return NextItem(catalogue, loss)
