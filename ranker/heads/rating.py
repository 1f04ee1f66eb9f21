"""How well a user will like a candidate: z, plus the mean rating of training, within the range of ratings there.

A history says what was seen, not how it was liked, unless the column of ratings is named in example_gen.columns.context
as well: then each event's own rating goes in beside its item. A label's never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from ranker.heads import HeadOptions

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue
    from ranker.prediction import Prediction
    from ranker.registry import NamedOptions


class Options(HeadOptions):
    """Knobs of the head."""

    losses: ClassVar[tuple[str, ...]] = ("mean_squared_error",)
    monitor: ClassVar[str] = "val_rmse"
    rises: ClassVar[bool] = False
    rated: ClassVar[bool] = True

    name: Literal["rating"] = "rating"
    shrinkage: Annotated[
        float,
        Field(
            description="ratings of an item that count as much as the mean of all, where its own mean is what its bias "
            "begins at",
            ge=0.0,
        ),
    ] = 10.0


def build(options: Options, catalogue: Catalogue, loss: Any, knobs: NamedOptions) -> Prediction:
    """The head, as ranker.heads says; a score is a rating.

    Raises: ModelError: the catalogue knows no ratings.
    """
    from ranker.prediction import Rating

    return Rating(catalogue, loss, options.shrinkage)
