"""The ASGI application: routes, what stands before them, and what lives as long as they do."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from fastapi import FastAPI

from schemas.errors import SeqrankError
from serving import errors, openapi
from serving.context import Context
from serving.messages import EventRequest, RecommendRequest
from serving.metrics import Metrics
from serving.middleware import Gate
from serving.model import Models
from serving.routes import events, health, predict, recommend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from serving.model import Loaded
    from serving.options import Options


def create_app(place: str, options: Options, *, token: str | None = None) -> FastAPI:
    """The application; it loads its model when it starts, and raises ModelError then if there is none.

    Args:
        place: a publish target or a model's folder, local or a URL.
        options: knobs.
        token: that every request must bring, save those for health; None: none.
    """
    metrics = Metrics.create()

    def changed(_: Loaded) -> None:
        if context.users is not None:
            context.users.renew()

    context = Context.create(options, Models(place, metrics, changed, options.encryption), metrics)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            context.open_users()
            await context.models.begin()
        except SeqrankError as error:
            context.failure = error
            raise
        tasks = [asyncio.create_task(context.models.watch(options.poll_seconds))]
        if context.users is not None:
            tasks.append(asyncio.create_task(context.users.keep_up(context.models)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await context.close()

    app = FastAPI(
        title="seqrank",
        description="Recommendations from a user's history. Every error is an ErrorResponse.",
        lifespan=lifespan,
        docs_url=None,  # its pages load scripts from outside
        redoc_url=None,
    )
    app.state.context = context
    app.add_middleware(Gate, context=context, token=token)
    for router in (recommend.router, events.router, predict.router, health.router):
        app.include_router(router)
    errors.add_handlers(app)
    openapi.install(app, [RecommendRequest, EventRequest], token=token is not None)
    return app
