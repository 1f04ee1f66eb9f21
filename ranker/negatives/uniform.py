"""Every item as often as any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ranker.negatives import CountedOptions

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue
    from ranker.sampling import Sampler


class Options(CountedOptions):
    """Knobs of the sampler."""

    name: Literal["uniform"] = "uniform"


def build(options: Options, catalogue: Catalogue) -> Sampler:
    """The sampler, as ranker.negatives says."""
    from ranker.sampling import ByShare

    return ByShare(catalogue.counts**0.0, options.count)
