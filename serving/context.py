"""What the routes of one application share."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.pseudonyms import Pseudonyms
from serving import calls
from serving.batches import Batcher
from serving.events.records import Codec, secret
from serving.events.stores import open_store
from serving.events.users import Users

if TYPE_CHECKING:
    import numpy as np
    from starlette.requests import Request

    from schemas.errors import SeqrankError
    from serving.metrics import Metrics
    from serving.model import Loaded, Models
    from serving.options import Options

Message = TypeVar("Message", bound=BaseModel)


@dataclasses.dataclass(eq=False)
class Context:
    """One server: its model, its users, its calls.

    Args:
        draining: it is about to end, others should be asked.
        failure: why it couldn't start.
    """

    options: Options
    models: Models
    metrics: Metrics
    pool: concurrent.futures.Executor
    background: concurrent.futures.Executor
    explaining: concurrent.futures.Executor
    recommend: Batcher[calls.Asked, calls.Ranked]
    step: Batcher[calls.Stepped, np.ndarray]
    rank: Batcher[calls.Held, calls.Ranked]
    users: Users | None = None
    store: Any = None
    pseudonyms: Pseudonyms | None = None
    draining: bool = False
    failure: SeqrankError | None = None

    @property
    def name(self) -> str:
        """Of the model in TensorFlow Serving's routes."""
        return self.options.name or "model"

    @classmethod
    def create(cls, options: Options, models: Models, metrics: Metrics) -> Context:
        """Without users as yet: their store belongs to the running loop."""
        pool = concurrent.futures.ThreadPoolExecutor(1, "model")  # TensorFlow itself uses the other cores
        told: dict[str, Any] = {"most": options.max_rows, "waiting": options.limits.queue, "metrics": metrics}
        return cls(
            options,
            models,
            metrics,
            pool,
            concurrent.futures.ThreadPoolExecutor(1, "background"),
            concurrent.futures.ThreadPoolExecutor(1, "explaining"),  # a call of dozens of rows, beside the others
            recommend=Batcher("recommend", calls.recommend, pool, **told),
            step=Batcher("step", calls.step, pool, **told),
            rank=Batcher("rank", calls.rank, pool, **told),
        )

    def called(self, user: str) -> str:
        """What a user of a request is called here."""
        return self.pseudonyms.of(user) if self.pseudonyms else user

    def open_users(self) -> None:
        """Opens the store of users' events, where there is to be one, and reads the key of pseudonyms.

        Raises: SeqrankError: either can't be done.
        """
        if self.options.pseudonyms:
            self.pseudonyms = Pseudonyms.load(self.options.pseudonyms)
        told = self.options.events
        if told is None:
            return
        self.store = open_store(told)
        self.users = Users(
            self.store,
            Codec(secret(told.key_file)),
            keep=told.keep,
            step=self.step,
            rank=self.rank,
            recommend=self.recommend,
            pool=self.background,
            rebuild=told.rebuild_users,
            metrics=self.metrics,
        )

    async def close(self) -> None:
        """Lets go of threads and of the store."""
        self.models.close()
        for pool in (self.pool, self.background, self.explaining):
            pool.shutdown(wait=False, cancel_futures=True)
        if self.store is not None:
            with contextlib.suppress(Exception):
                await self.store.close()


def of(request: Request) -> Context:
    """The context of the application that a request came to."""
    return request.app.state.context


async def read(request: Request, kind: type[Message]) -> Message:
    """The request's body.

    Raises: HTTPException: it isn't JSON, or not of this kind; the message names each field that is wrong.
    """
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        raise refused(error) from error


def refused(error: ValidationError) -> HTTPException:
    """What pydantic found, in words, without what the client sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    details = [f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in found[:20]]
    broken = any(each["type"] == "json_invalid" for each in found)
    return HTTPException(400 if broken else 422, json.dumps([details[0], details]))


def answered(message: BaseModel) -> Response:
    """A message as the answer: it was made by us, so nobody has to validate it again."""
    return Response(message.model_dump_json(), media_type="application/json")


def too_many(what: str, found: int, most: int) -> HTTPException:
    """A list that is longer than the configuration allows."""
    return impossible(f"{what}: {found} entries, and {most} are the limit")


def impossible(message: str) -> HTTPException:
    """Something that is well formed and can't be answered."""
    return HTTPException(422, json.dumps([message, [message]]))


def current(context: Context) -> Loaded:
    """The model for a request, from its first to its last call.

    Raises: ModelError: none is loaded.
    """
    return context.models.current
