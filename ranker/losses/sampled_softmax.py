"""Cross-entropy against a sample of the catalogue, for catalogues too large to score whole in every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ranker.registry import NamedOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.catalogue import Catalogue


class Options(NamedOptions):
    """Knobs of the loss."""

    name: Literal["sampled_softmax"] = "sampled_softmax"
    negatives: Annotated[
        int,
        Field(description="items drawn in a step, the same for all its positions; at a catalogue's size: all", gt=0),
    ] = 1024
    popularity: Annotated[
        float,
        Field(
            description="an item is drawn in proportion to its training count to the power of this; 0: all alike. The "
            "loss is corrected for it, so this decides how noisy it is, not what it tends to",
            ge=0.0,
            le=1.0,
        ),
    ] = 0.75
    label_smoothing: Annotated[
        float, Field(description="share of the target spread evenly over the catalogue", ge=0.0, lt=1.0)
    ] = 0.1


def build(options: Options, catalogue: Catalogue) -> Callable[..., Any]:
    """The loss, as ranker.losses says."""
    from ranker.negatives import SampledSoftmax

    return SampledSoftmax(catalogue.counts, options.negatives, options.popularity, options.label_smoothing)
