"""What all pages share: the store, read within a limit, and templates."""

from __future__ import annotations

import functools
import pathlib
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import jinja2
from anyio import to_thread
from starlette.responses import HTMLResponse

from inspection.ui import words
from inspection.ui.boards import Boards
from inspection.ui.listing import Lines
from schemas.errors import StoreInUseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from inspection.store import Store

FOLDER: Final = pathlib.Path(__file__).parent
LIMIT: Final = 60.0  # seconds of one page: the metadata client would wait for a locked store without an end
_Found = TypeVar("_Found")


class Site:
    """The pages' common part.

    Args:
        open_store: opens the store anew: each request sees it as it is then.
        place: what to call it.
        limit: seconds that reading for one page may take.
    """

    def __init__(self, open_store: Callable[[], Store], place: str, limit: float = LIMIT) -> None:
        self._open, self._limit = open_store, limit
        self.lines, self.boards = Lines(), Boards()
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,  # names and ids are users' data
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(words.FILTERS)
        self._templates.globals["place"] = place

    async def read(self, work: Callable[[Store], _Found]) -> _Found:
        """What `work` finds in the store, in a thread.

        Raises: StoreError: the store can't be opened, or wasn't read within the limit; and what `work` raises.
        """
        try:
            with anyio.fail_after(self._limit):
                return await to_thread.run_sync(functools.partial(self._opened, work), abandon_on_cancel=True)
        except TimeoutError as error:
            raise StoreInUseError(
                f"Reading took more than {self._limit:g} seconds.",
                next_step="Try again when whoever writes to the store is done.",
            ) from error

    def _opened(self, work: Callable[[Store], _Found]) -> _Found:
        return work(self._open())

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page of a template."""
        return HTMLResponse(self._templates.get_template(template).render(**values), status_code=status)
