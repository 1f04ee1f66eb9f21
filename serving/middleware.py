"""What every request goes through: its token, its body's size, and how long it took."""

from __future__ import annotations

import hmac
import json
import time
import uuid
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders

from serving import errors

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from serving.context import Context

_OPEN: Final = frozenset({"/healthz", "/readyz"})  # for who watches over the process
_REQUEST_ID: Final = "x-request-id"
_LONGEST_ID: Final = 128
_NO_ROUTE: Final = "none"


class Gate:
    """Lets in who brings the token, with a body that isn't larger than the limit; everything is timed.

    Args:
        app: what comes behind.
        context: the server's.
        token: that `Authorization: Bearer` must bring; None: none.
    """

    def __init__(self, app: ASGIApp, context: Context, token: str | None) -> None:
        self._app, self._context = app, context
        self._token = f"Bearer {token}".encode() if token else None
        self._most = context.options.limits.body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, headers = time.perf_counter(), Headers(scope=scope)
        answer = _Answer(send, _request_id(headers), closing=self._context.draining)
        refusal = self._stranger(scope, headers)
        body = b"" if refusal else await self._body(headers, receive)
        if body is None:
            refusal = (413, f"The body has more than {self._most} bytes.")
        if refusal or body is None:
            await answer.error(*refusal or (413, ""))
        else:
            await self._app(scope, _once(body, receive), answer)
        route = getattr(scope.get("route"), "path", _NO_ROUTE)  # never what the client wrote
        self._context.metrics.requests.labels(route, str(answer.status)).inc()
        self._context.metrics.seconds.labels(route).observe(time.perf_counter() - began)

    def _stranger(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        if self._token is None or scope["path"] in _OPEN:
            return None
        if hmac.compare_digest(headers.get("authorization", "").encode("utf-8", "replace"), self._token):
            return None
        return 401, "The request brings no bearer token that is known here."

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """All of it; None: it is too large, and not read to its end."""
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most:
            return None
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":  # the client has gone
                break
            part = message.get("body", b"")
            size += len(part)
            if size > self._most:
                return None
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)


class _Answer:
    """Sends what the application says, with a request id; keeps its status."""

    def __init__(self, send: Send, request_id: str, *, closing: bool) -> None:
        self._send, self._id, self._closing = send, request_id, closing
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[_REQUEST_ID] = self._id
            if self._closing:
                headers["connection"] = "close"  # the next request is somebody else's
        await self._send(message)

    async def error(self, status: int, text: str) -> None:
        content = json.dumps(errors.body(text)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        else:
            headers.append((b"connection", b"close"))  # what is left of the body won't be read
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": content})


def _request_id(headers: Headers) -> str:
    given = headers.get(_REQUEST_ID, "")
    return given if 0 < len(given) <= _LONGEST_ID and given.isascii() and given.isprintable() else uuid.uuid4().hex


def _once(body: bytes, receive: Receive) -> Receive:
    """The whole body as one message, and then whatever comes: the client's leaving."""
    sent = False

    async def next_message() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
