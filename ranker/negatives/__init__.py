"""One file a sampler of negatives: `Options` and `build`. The file's name is the name in the configuration.

build(options, catalogue) -> ranker.sampling.Sampler: draws columns of the catalogue on the device, the same ones for
every position of a step, and says how often each item is expected among them. Its randomness is a weight.

No file here imports TensorFlow at module level. What follows is what the options of samplers, and of the losses that
have one, share.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ranker.registry import NamedOptions, named

COUNT = 1024


class CountedOptions(NamedOptions):
    """Knobs of a sampler that draws a number of items."""

    count: Annotated[
        int,
        Field(description="items drawn in a step, the same for all its positions; at a catalogue's size: all", gt=0),
    ] = COUNT


def read(value: object, default: str) -> NamedOptions:
    """Options of a sampler, for pydantic's validators; a number alone is the default sampler's count.

    Raises: ValueError: no such sampler, an unknown knob or an impossible value.
    """
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return named("negatives", {"count": value} if is_count else value, default)


def by_popularity(value: object) -> NamedOptions:
    """`read`, by popularity unless it says otherwise."""
    return read(value, "popularity")


def evenly(value: object) -> NamedOptions:
    """`read`, all items alike unless it says otherwise."""
    return read(value, "uniform")
