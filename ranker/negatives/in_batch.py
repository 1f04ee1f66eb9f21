"""Labels of the step itself, as two-tower models take them (Yi et al., RecSys 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ranker.negatives import CountedOptions

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue
    from ranker.sampling import Sampler


class Options(CountedOptions):
    """Knobs of the sampler."""

    name: Literal["in_batch"] = "in_batch"


def build(options: Options, catalogue: Catalogue) -> Sampler:
    """The sampler, as ranker.negatives says. An item's share of the labels is its share of the training counts."""
    from ranker.sampling import InBatch

    return InBatch(catalogue.counts, options.count)
