"""The model's knobs. Read without TensorFlow."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, model_validator

from ranker import registry
from ranker.heads import HeadOptions
from ranker.registry import NamedOptions


def _architecture(value: object) -> NamedOptions:
    return registry.named("architectures", value, "lstm")


def _head(value: object) -> Any:
    return registry.named("heads", value, "next_item")


def _loss(value: object) -> NamedOptions:
    return registry.named("losses", value, "auto")


class ModelOptions(BaseModel):
    """How the model is built, whatever its architecture."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    embedding_dim: Annotated[int, Field(description="width of a member's item, gap and user embeddings", gt=0)] = 64
    members: Annotated[
        int,
        Field(
            description="models of this kind that are trained side by side in one, the mean of whose scores counts: "
            "better answers for that many times the work",
            gt=0,
        ),
    ] = 1
    dropout: Annotated[
        float, Field(description="share of inputs and of hidden values dropped in training", ge=0.0, lt=1.0)
    ] = 0.3
    input_dropout: Annotated[
        float | None,
        Field(description="share of what goes into the architecture; null: as model.dropout says", ge=0.0, lt=1.0),
    ] = None
    output_dropout: Annotated[
        float | None,
        Field(description="share of what its layers put out; null: as model.dropout says", ge=0.0, lt=1.0),
    ] = None
    tied: Annotated[
        bool,
        Field(
            description="score items by the embeddings that stand for them in histories; otherwise by a table of their "
            "own, twice the weights"
        ),
    ] = True
    residual: Annotated[
        bool,
        Field(
            description="add what goes into the architecture to what comes out, times a weight of each dimension that "
            "begins at 1"
        ),
    ] = False
    averages: Annotated[
        tuple[Annotated[float, Field(ge=0.0, lt=1.0)], ...],
        Field(
            description="decays of running averages of the history that stand beside what the architecture makes of "
            "it: 0 is the last item alone, 0.9 about the last ten; empty: none"
        ),
    ] = (0.0, 0.5, 0.8, 0.95, 0.99)
    bursts: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(
            description="means of the events since the last pause that stand beside what the architecture makes of "
            "the history: 1 begins anew after pauses of the first of transform.gap_boundaries and longer, 2 of the "
            "second; empty: none"
        ),
    ] = ()
    long_term_rank: Annotated[
        int,
        Field(
            description="directions of users' long-term taste: the rank of a singular value decomposition of users by "
            "items by which all of a past, not its window alone, adds to scores; 0: none. For catalogues whose items "
            "are not repeated",
            ge=0,
        ),
    ] = 0
    mask_past: Annotated[
        bool,
        Field(
            description="leave a user's past items out of the loss as they are left out of answers, where "
            "sequence_gen.mask_seen leaves them out"
        ),
    ] = True
    popularity_bias: Annotated[
        bool,
        Field(
            description="let each item's bias begin at the logarithm of its training count, so that training does not "
            "spend its first epochs on popularity (at its odds in the head pointwise, at its shrunken mean in the head "
            "rating); otherwise at zero"
        ),
    ] = True
    gap_embedding: Annotated[
        bool, Field(description="add an embedding of the time since the event before to each item's")
    ] = False
    user_embedding: Annotated[
        bool, Field(description="add an embedding of the user to each item's; users unknown to training get one alike")
    ] = False
    context_embedding: Annotated[
        bool, Field(description="add an embedding of each context column (device, surface) to each item's")
    ] = True
    user_features: Annotated[
        bool, Field(description="add an embedding of each column of the users table to each item's, if there is one")
    ] = True
    context_dropout: Annotated[
        float,
        Field(
            description="share of rows that lose their gaps, contexts and user features in training, since a request "
            "by item ids alone has none",
            ge=0.0,
            lt=1.0,
        ),
    ] = 0.2
    item_features: Annotated[
        bool,
        Field(
            description="build each item's vector from its id and the items table's columns, if there is one with more "
            "than titles; items that training never saw are then candidates, too"
        ),
    ] = True
    id_dropout: Annotated[
        float,
        Field(
            description="share of items that lose their id in a step of training, so that features alone learn to "
            "stand for an item; only with an items table",
            ge=0.0,
            lt=1.0,
        ),
    ] = 0.3
    age: Annotated[
        bool,
        Field(
            description="let scores depend on the time since publication, and answer with no item before its own, if "
            "the items table knows it"
        ),
    ] = True
    architecture: Annotated[
        SerializeAsAny[NamedOptions],
        BeforeValidator(_architecture),
        Field(description="name: a file of ranker/architectures, and that file's knobs"),
    ] = "lstm"  # type: ignore[assignment]
    loss: Annotated[
        SerializeAsAny[NamedOptions],
        BeforeValidator(_loss),
        Field(description="name: a file of ranker/losses, and that file's knobs; where none is named, the head's"),
    ] = "auto"  # type: ignore[assignment]
    head: Annotated[
        SerializeAsAny[HeadOptions],
        BeforeValidator(_head),
        Field(description="what scores mean. name: a file of ranker/heads, and that file's knobs"),
    ] = "next_item"  # type: ignore[assignment]

    @model_validator(mode="before")
    @classmethod
    def _loss_of_head(cls, values: Any) -> Any:
        """Takes the head's own loss where none is named."""
        if not isinstance(values, dict) or "head" not in values:
            return values
        loss = values.get("loss", {})
        if not isinstance(loss, dict) or "name" in loss:
            return values
        try:
            return {**values, "loss": {"name": _head(values["head"]).losses[0], **loss}}
        except ValueError:
            return values  # what is wrong with the head is told where it stands

    @model_validator(mode="after")
    def _loss_fits_head(self) -> ModelOptions:
        if self.loss.name not in self.head.losses:
            raise ValueError(
                f"loss {self.loss.name} trains no {self.head.name} head; choose one of {', '.join(self.head.losses)}, "
                "or name none"
            )
        return self

    @model_validator(mode="after")
    def _long_term_ranks(self) -> ModelOptions:
        if self.long_term_rank and self.head.name != "next_item":
            raise ValueError(f"long_term_rank is for the head next_item, not for {self.head.name}; set it to 0")
        return self

    @property
    def width(self) -> int:
        """Of the embeddings of all members together."""
        return self.members * self.embedding_dim

    @property
    def dropouts(self) -> tuple[float, float]:
        """Shares of what goes into the architecture, and of what its layers put out."""
        inputs = self.dropout if self.input_dropout is None else self.input_dropout
        outputs = self.dropout if self.output_dropout is None else self.output_dropout
        return inputs, outputs


def settled(options: ModelOptions, items: int) -> ModelOptions:
    """The options with `loss: auto` replaced by the loss that it stands for with that many items in the catalogue."""
    loss = options.loss
    if loss.name != "auto":
        return options
    return options.model_copy(update={"loss": registry.load("losses", loss.name).chosen(loss, items)})
