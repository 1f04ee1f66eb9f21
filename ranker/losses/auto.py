"""The loss that a catalogue's size asks for: all items scored for each label, or a sample of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ranker.losses import cross_entropy, sampled_softmax
from ranker.negatives import popularity
from ranker.registry import NamedOptions, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.catalogue import Catalogue


class Options(NamedOptions):
    """Knobs of the choice."""

    name: Literal["auto"] = "auto"
    most_items: Annotated[
        int,
        Field(
            description="largest catalogue whose loss is cross_entropy; above it sampled_softmax is taken. About where "
            "a step of the one takes twice as long as of the other (make benchmark-growth)",
            ge=0,
        ),
    ] = 5_000
    label_smoothing: Annotated[float, Field(description="either loss's", ge=0.0, lt=1.0)] = 0.1


def chosen(options: Options, items: int) -> NamedOptions:
    """Options of the loss for a catalogue of that many items; knobs that aren't named here have their defaults."""
    if items <= options.most_items:
        return cross_entropy.Options(label_smoothing=options.label_smoothing)
    return sampled_softmax.Options(negatives=popularity.Options(), label_smoothing=options.label_smoothing)


def build(options: Options, catalogue: Catalogue) -> Callable[..., Any]:
    """The loss, as ranker.losses says."""
    loss = chosen(options, len(catalogue.items))
    return load("losses", loss.name).build(loss, catalogue)
