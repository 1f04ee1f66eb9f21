"""Errors as answers: {"error": what is wrong, "details": each of it}. A client's mistake is a 4xx that says which."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from schemas.errors import ModelError, SeqrankError, StoreError
from serving.batches import OverloadedError
from serving.messages import ErrorResponse

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

_log = logging.getLogger(__name__)
_WORDS: Final = {
    400: "The body is no JSON.",
    401: "A bearer token is needed, or another one.",
    404: "There is no such thing.",
    413: "The body is larger than the limit.",
    422: "The request is JSON, and something in it is impossible.",
    503: "No model is loaded, too many wait, or the event store fails. Ask again.",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document."""
    return {status: {"model": ErrorResponse, "description": _WORDS[status]} for status in (*statuses, 401, 413)}


def add_handlers(app: FastAPI) -> None:
    """Gives every error of an application its answer."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SeqrankError, _ours)
    app.add_exception_handler(Exception, _bug)


def body(message: str, details: list[str] | None = None) -> dict[str, Any]:
    """An error's JSON."""
    return {"error": message, "details": details or []}


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    message, details = error.detail, []
    if message.startswith("["):  # serving.context's
        message, details = json.loads(message)
    return JSONResponse(body(message, details), error.status_code, headers=error.headers)


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SeqrankError)
    if isinstance(error, (OverloadedError, ModelError, StoreError)):
        if not isinstance(error, OverloadedError):
            _log.error("%s", error)
        return JSONResponse(body(error.what), 503, headers={"retry-after": "1"})
    return JSONResponse(body(error.what), 400)


async def _bug(_: Request, error: Exception) -> JSONResponse:
    _log.exception("A request failed.", exc_info=error)
    return JSONResponse(body("Something is wrong with the server; its log says what."), 500)
