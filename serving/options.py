"""Knobs of serving."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.keys import KeyOptions
from serving.events.options import Options as EventOptions
from serving.messages import Diversity


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Strict):
    """What a request may be."""

    body_bytes: Annotated[int, Field(ge=1024, description="bytes of a request's body")] = 1 << 20
    history: Annotated[int, Field(ge=1, description="events of a history in one request")] = 1000
    exclude: Annotated[int, Field(ge=0, description="items that one request can leave out")] = 1000
    rows: Annotated[int, Field(ge=1, description="rows of one :predict request")] = 256
    queue: Annotated[
        int, Field(ge=1, description="requests that may wait for the model; more are answered 503 at once")
    ] = 256


class Tls(_Strict):
    """A certificate of the server's own; without it, something before the server has to encrypt."""

    certificate: Annotated[str, Field(min_length=1, description="PEM file, chain included")]
    key: Annotated[str, Field(min_length=1, description="PEM file of its private key")]


class Options(_Strict):
    """How recommendations are served."""

    host: Annotated[str, Field(min_length=1, description="address to answer on; 0.0.0.0: for everybody")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="0: any free one, which the log names")] = 8501
    name: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9._-]+$", description="of the model in /v1/models/NAME; null: run.name"),
    ] = None
    poll_seconds: Annotated[float, Field(gt=0, description="between two looks for a newer version")] = 5.0
    max_rows: Annotated[int, Field(ge=1, le=1024, description="requests that one call of the model may answer")] = 32
    threads: Annotated[int, Field(ge=0, description="of TensorFlow within one call; 0: its own choice")] = 0
    drain_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="after a signal to end, how long readiness is off while requests are still taken, so that "
            "a load balancer can turn to others",
        ),
    ] = 1.0
    finish_seconds: Annotated[
        int, Field(ge=1, description="then, how long requests under way may take to be answered")
    ] = 30
    token_file: Annotated[
        str | None,
        Field(
            description="file with the bearer token that requests must bring; also SEQRANK_SERVING_TOKEN. null: none"
        ),
    ] = None
    tls: Annotated[Tls | None, Field(description="null: plain HTTP")] = None
    pseudonyms: Annotated[
        KeyOptions | None,
        Field(
            description="users of requests are called as those of the log, before anything else happens; null: as "
            "example_gen.pseudonyms, of `python -m serving` by their ids"
        ),
    ] = None
    encryption: Annotated[
        KeyOptions | None,
        Field(
            description="key of encrypted models; null: as pusher.encryption, of `python -m serving` where it was when "
            "the model was published"
        ),
    ] = None
    diversity: Annotated[
        Diversity | None, Field(description="of answers whose request says nothing of it; null: the model's own order")
    ] = None
    limits: Annotated[Limits, Field(description="of requests")] = Limits()
    events: Annotated[EventOptions | None, Field(description="histories kept by user; null: none are")] = EventOptions()

    @model_validator(mode="after")
    def _bounded(self) -> Options:
        if self.max_rows > self.limits.queue:
            raise ValueError("max_rows is more than limits.queue lets wait")
        return self
