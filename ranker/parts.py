"""What a model is made of, by its knobs and by what the data have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ranker import registry
from ranker.age import Age
from ranker.averages import with_averages
from ranker.bursts import Bursts
from ranker.contexts import Contexts
from ranker.dropout import Lot
from ranker.layers import with_residual
from ranker.long_term import LongTerm
from ranker.members import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping

    import tensorflow as tf

    from ranker.catalogue import Catalogue
    from ranker.options import ModelOptions


def architecture(options: ModelOptions, window: int) -> tf.keras.layers.Layer:
    """The architecture, with what the knobs put beside it; of several members, each its own."""
    chosen, width = options.architecture, options.embedding_dim

    def member() -> tf.keras.layers.Layer:
        layer = registry.load("architectures", chosen.name).build(chosen, width, options.dropouts[1], window)
        layer = with_residual(layer, width) if options.residual else layer
        return with_averages(layer, width, options.averages) if options.averages else layer

    return side_by_side(member, options.members)


def bursts(options: ModelOptions) -> tf.keras.layers.Layer | None:
    """Means since the last pauses; None where no pause is named."""
    if not options.bursts:
        return None
    return side_by_side(lambda: Bursts(options.embedding_dim, options.bursts), options.members)


def contexts(options: ModelOptions, catalogue: Catalogue) -> Contexts | None:
    """Embeddings of what stands beside events and users; None where nothing does."""
    positions, rows = _columns(options, catalogue)
    return Contexts(positions, rows, options.width) if positions or rows else None


def silence(options: ModelOptions, catalogue: Catalogue) -> Lot | None:
    """Draws the rows of training that say nothing beside their items; None: all say what they know, if anything."""
    said = options.gap_embedding or options.bursts or any(_columns(options, catalogue))
    return (
        Lot(options.context_dropout, by_row=True, name="context_dropout") if said and options.context_dropout else None
    )


def _columns(options: ModelOptions, catalogue: Catalogue) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Sizes by name: of what stands beside events, and of what stands beside users."""
    positions = catalogue.contexts if options.context_embedding else {}
    rows = catalogue.user_features if options.user_features else {}
    return positions, rows


def age(options: ModelOptions, catalogue: Catalogue) -> Age | None:
    """What the time since publication does; None where no such time is known."""
    published = catalogue.features.published if catalogue.features is not None else None
    return Age(published) if options.age and published is not None and np.any(published > 0) else None


def long_term(catalogue: Catalogue) -> LongTerm | None:
    """What all of a past adds; None where the catalogue has no factors, which long_term_rank asks for."""
    return None if catalogue.factors is None else LongTerm(catalogue.factors, len(catalogue.cold))
