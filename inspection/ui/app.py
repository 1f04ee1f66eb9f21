"""The page over all runs, as an ASGI application."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from inspection.ui import artifacts, errors, runs
from inspection.ui.guard import Guard, Names
from inspection.ui.site import FOLDER, LIMIT, Site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from inspection.store import Store


def create_app(
    open_store: Callable[[], Store], *, place: str = "", host: str = "127.0.0.1", limit: float = LIMIT
) -> FastAPI:
    """The application.

    Args:
        open_store: opens the store; called for every page, so that each shows it as it is then.
        place: what to call the store.
        host: where the server listens: requests under other names are refused.
        limit: seconds that reading for one page may take.
    """
    site = Site(open_store, place, limit)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            site.boards.end()

    app = FastAPI(title="seqrank", lifespan=lifespan, openapi_url=None)  # its own pages load scripts from outside
    app.state.site = site
    app.add_middleware(Guard, names=Names.of(host))
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    app.include_router(runs.router)
    app.include_router(artifacts.router)
    errors.add_handlers(app, site)
    return app
