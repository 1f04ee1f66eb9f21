"""The knobs of a training. Read without TensorFlow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingOptions(BaseModel):
    """How a model is trained, whatever the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Annotated[
        int, Field(description="most passes over the training rows; the learning rate's schedule spans them all", gt=0)
    ] = 20
    batch_size: Annotated[int, Field(description="rows (windows) in a step, over all GPUs together", gt=0)] = 64
    learning_rate: Annotated[float, Field(description="Adam's, at its highest", gt=0.0)] = 2e-3
    schedule: Annotated[
        Literal["constant", "cosine"],
        Field(description="how the learning rate goes on after the warm-up: as it is, or along a half cosine to zero"),
    ] = "cosine"
    warm_up: Annotated[
        float, Field(description="share of all steps in which the learning rate rises from zero", ge=0.0, lt=1.0)
    ] = 0.05
    weight_decay: Annotated[
        float, Field(description="share of each weight (biases apart) taken off, times the learning rate", ge=0.0)
    ] = 1e-3
    clip_norm: Annotated[
        float | None, Field(description="longest gradient, over all weights together; null: any length", gt=0.0)
    ] = 1.0
    ema: Annotated[
        float | None,
        Field(
            description="validate and export a moving average of the weights: the share of it that a step keeps, as "
            "0.99, an average over some 100 steps, that begins at the initial weights; null: the weights themselves",
            gt=0.0,
            lt=1.0,
        ),
    ] = None
    shuffle_ties: Annotated[
        bool,
        Field(
            description="bring events of one time into another order in every epoch: nobody knows which came first, "
            "unless example_gen.columns.order says so"
        ),
    ] = True
    patience: Annotated[
        int,
        Field(
            description="epochs without progress on validation after which training stops: a better NDCG@10, log loss "
            "or RMSE, as model.head has it",
            gt=0,
        ),
    ] = 10
    validation_rows: Annotated[
        int | None,
        Field(
            description="most rows of validation that are ranked after each epoch, chosen by a hash of their contents; "
            "null: all of them. The Evaluator's metrics are not concerned",
            gt=0,
        ),
    ] = 20_000
    seed: Annotated[int, Field(description="of initial weights, dropout and the order of rows", ge=0, lt=2**31 - 1)] = 0
    mixed_precision: Annotated[
        Literal["none", "mixed_float16", "mixed_bfloat16"],
        Field(description="Keras' policy: 16-bit arithmetic with 32-bit weights; pays on GPUs that have it"),
    ] = "none"
    xla: Annotated[
        bool,
        Field(description="compile the step with XLA; the LSTM then runs without cuDNN's kernel, so measure it first"),
    ] = False
