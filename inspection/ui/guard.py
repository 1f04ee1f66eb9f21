"""What requests must be, and what answers say: against other sites, and names that only seem to be this machine."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
import urllib.parse
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
# No script at all, nothing from elsewhere. A form may lead on to a TensorBoard, which is on 127.0.0.1 at any port.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' http://127.0.0.1:*; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# A report brings its own script, and is kept away from this page's origin, and from everything outside.
REPORT_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-downloads allow-modals"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # not no-referrer: browsers then hide a form's origin from us, too
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclasses.dataclass(frozen=True)
class Names:
    """Names under which this machine may be asked.

    A page elsewhere can give its own name this machine's address, and would then be let in by any browser; so the name
    in the request counts. An address can't be taken over like that: to those who listen for others, any will do.

    Args:
        known: names and addresses, in small letters.
        addresses: whether any address will do.
    """

    known: frozenset[str] = _HERE
    addresses: bool = False

    @classmethod
    def of(cls, host: str) -> Names:
        """For a server that listens at a host."""
        if is_here(host):
            return cls()
        own = {host, socket.gethostname(), socket.getfqdn()}
        return cls(_HERE | {name.lower() for name in own}, addresses=True)

    def hold(self, host: str) -> bool:
        """Whether a Host header names this machine."""
        try:
            name = (urllib.parse.urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in self.known or (self.addresses and _is_address(name))


def is_here(host: str) -> bool:
    """Whether a host is this machine alone."""
    return host in _HERE or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Refuses requests under other names, and changes that another site asks for; adds headers to every answer."""

    def __init__(self, app: ASGIApp, names: Names) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        app = PlainTextResponse(refusal, status_code=403) if refusal else self._app
        await app(scope, receive, answer)

    def _refusal(self, method: str, headers: Headers) -> str:
        host = headers.get("host", "")
        if not self._names.hold(host):
            return "This page isn't served under that name. Ask for it under the address that `seqrank ui` printed.\n"
        origin = urllib.parse.urlsplit(headers.get("origin", "")).netloc
        if method not in ("GET", "HEAD") and origin != host:
            return "Only this page's own buttons may start something.\n"
        return ""
