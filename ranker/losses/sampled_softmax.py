"""Cross-entropy against a sample of the catalogue, for catalogues too large to score whole in every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from ranker.negatives import by_popularity
from ranker.registry import NamedOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.catalogue import Catalogue


class Options(NamedOptions):
    """Knobs of the loss."""

    name: Literal["sampled_softmax"] = "sampled_softmax"
    negatives: Annotated[
        SerializeAsAny[NamedOptions],
        BeforeValidator(by_popularity),
        Field(
            description="name: a file of ranker/negatives, and that file's knobs. The loss is corrected for what is "
            "drawn more often, so this decides how noisy it is, not what it tends to"
        ),
    ] = "popularity"  # type: ignore[assignment]
    label_smoothing: Annotated[
        float, Field(description="share of the target spread evenly over the catalogue", ge=0.0, lt=1.0)
    ] = 0.1


def build(options: Options, catalogue: Catalogue) -> Callable[..., Any]:
    """The loss, as ranker.losses says."""
    from ranker.sampled_losses import SampledSoftmax, sampler_of

    return SampledSoftmax(sampler_of(options.negatives, catalogue), options.label_smoothing)
