"""Several samplers side by side (Yang et al., WWW Companion 2020, who mix labels of the batch with uniform draws)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from ranker.negatives import COUNT, evenly
from ranker.registry import NamedOptions, load

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue
    from ranker.sampling import Sampler

Part = Annotated[SerializeAsAny[NamedOptions], BeforeValidator(evenly)]


class Options(NamedOptions):
    """Knobs of the mixture."""

    name: Literal["mixture"] = "mixture"
    parts: Annotated[
        tuple[Part, ...],
        Field(description="the samplers, each with its own count, which add up", min_length=1),
    ] = (
        {"name": "uniform", "count": COUNT // 2},
        {"name": "in_batch", "count": COUNT // 2},
    )  # type: ignore[assignment]


def build(options: Options, catalogue: Catalogue) -> Sampler:
    """The sampler, as ranker.negatives says. An item is expected as often as in all parts together."""
    from ranker.sampling import Mixture

    return Mixture([load("negatives", part.name).build(part, catalogue) for part in options.parts])
