"""Errors as pages: what happened, why, what to do next, and a status that isn't 200."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from ml_metadata import errors as metadata_errors
from starlette.exceptions import HTTPException

from schemas.errors import NotInStoreError, SeqrankError, StoreError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.responses import Response

    from inspection.ui.site import Site


class PageError(SeqrankError):
    """A page can't be shown as it was asked for; `status`: HTTP's."""

    def __init__(self, status: int, what: str, **told: str) -> None:
        super().__init__(what, **told)
        self.status = status


def add_handlers(app: FastAPI, site: Site) -> None:
    """Pages for all that can go wrong."""

    async def told(request: Request, error: Exception) -> Response:
        status = _status(error)
        found = error if isinstance(error, SeqrankError) else _worded(error, status)
        return site.page("error.html", status=status, title=_title(status), error=found)

    for kind in (SeqrankError, metadata_errors.StatusError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, told)


def _status(error: Exception) -> int:
    if isinstance(error, (PageError, HTTPException)):
        return error.status if isinstance(error, PageError) else error.status_code
    if isinstance(error, NotInStoreError):
        return 404
    if isinstance(error, (StoreError, metadata_errors.StatusError)):
        return 503
    return 400 if isinstance(error, RequestValidationError) else 500


def _title(status: int) -> str:
    return {
        400: "This can't be asked",
        403: "This isn't allowed",
        404: "Not found",
        405: "This can't be asked",
        503: "The store can't be read now",
    }.get(status, "Something went wrong")


def _worded(error: Exception, status: int) -> SeqrankError:
    """For errors that aren't ours."""
    if isinstance(error, RequestValidationError):
        return SeqrankError("; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors()))
    if isinstance(error, metadata_errors.StatusError):
        return SeqrankError("ML Metadata doesn't answer.", why=str(error), next_step="Try again in a moment.")
    if status == 404:
        return SeqrankError("There is no such page.")
    if status == 405:
        return SeqrankError("This page is only to be looked at.")
    return SeqrankError("This is a bug of ours; the terminal that `seqrank ui` runs in says more.", why=repr(error))
