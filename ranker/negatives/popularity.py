"""Items by their training counts (Mikolov et al., NeurIPS 2013, section 2.2, whose words are drawn by count^0.75)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ranker.negatives import CountedOptions

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue
    from ranker.sampling import Sampler


class Options(CountedOptions):
    """Knobs of the sampler."""

    name: Literal["popularity"] = "popularity"
    power: Annotated[
        float,
        Field(
            description="an item is drawn in proportion to its training count to the power of this; 0: all alike",
            ge=0.0,
            le=1.0,
        ),
    ] = 0.75


def build(options: Options, catalogue: Catalogue) -> Sampler:
    """The sampler, as ranker.negatives says."""
    from ranker.sampling import ByShare

    return ByShare(catalogue.counts**options.power, options.count)
