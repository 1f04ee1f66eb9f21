"""Knobs that every stack of recurrent layers has (ranker.layers.RecurrentStack)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ranker.registry import NamedOptions


class RecurrentOptions(NamedOptions):
    """To be given a name."""

    units: Annotated[
        int, Field(description="width of each layer's state; of an LSTM's hidden and its cell state alike", gt=0)
    ] = 128
    layers: Annotated[int, Field(description="recurrent layers, one above the other", gt=0)] = 1
    recurrent_dropout: Annotated[
        float,
        Field(
            description="share of each layer's recurrent weights that a step of training goes without; cuDNN's kernel "
            "takes it",
            ge=0.0,
            lt=1.0,
        ),
    ] = 0.0
    residual: Annotated[
        bool, Field(description="add what goes into each layer above the first to what it puts out")
    ] = False
    layer_norm: Annotated[bool, Field(description="normalise what each layer puts out")] = False
