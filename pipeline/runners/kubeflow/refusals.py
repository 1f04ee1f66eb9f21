"""What Kubeflow's API, or the way to it, refuses, in words that a person can act on. No secret is in them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from pipeline.runners.kubeflow.connection import NotTheAPI
from schemas.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable

EXISTS: Final = 409
_NOT_LET_IN: Final = (401, 403)
_NO_SUCH: Final = 404
_BUSY: Final = 429
_BROKEN: Final = 500
_BEARER: Final = re.compile(r"(?i)\b(bearer) [\w.~+/=-]+")  # a token from a file isn't known here
_OBJECT: Final = re.compile(r"^<[^>]*>: ")  # urllib3 names its connection first
_LONGEST: Final = 600  # characters of the server's own message
_SIGN_IN: Final = (
    "Pass --token, --cookie or --service-account-token (docs/kubeflow.md, Credentials); "
    "where the cluster has several users, --namespace, too."
)
_ADDRESS: Final = (
    "Check --endpoint, and that something forwards it: kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80"
)


def kinds() -> tuple[type[Exception], ...]:
    """Exceptions that asking can end with: refusals, broken connections, an unreadable token file, the client's own."""
    import kfp_server_api
    import urllib3

    return kfp_server_api.exceptions.OpenApiException, urllib3.exceptions.HTTPError, OSError, ValueError


def status(error: BaseException | None) -> int:
    """HTTP status of an answer; 0: there was none."""
    return int(getattr(error, "status", 0) or 0)


def may_pass(error: BaseException | None) -> bool:
    """Whether the same question might be answered later."""
    import urllib3

    return status(error) >= _BROKEN or status(error) == _BUSY or isinstance(error, urllib3.exceptions.HTTPError)


def worded(what: str, where: str, error: Exception, secrets: Iterable[str | None]) -> ClusterError:
    """The error for people.

    Args:
        what: one sentence on what wasn't possible.
        where: an address.
        error: one of `kinds`.
        secrets: strings that are never shown, whoever says them.
    """
    why, next_step = _reason(error)
    for secret in secrets:
        # Of a cookie, NAME=VALUE; NAME=VALUE, each value for itself.
        for part in [secret, *re.findall(r"=([^;\s]{4,})", secret)] if secret else []:
            why = why.replace(part, "…")
    why = _BEARER.sub(r"\1 …", why)
    return ClusterError(what, where=where, why=why, next_step=next_step)


def _reason(error: Exception) -> tuple[str, str]:
    import urllib3

    code = status(error)
    if code in _NOT_LET_IN:
        return f"The server answers {code}: {_said(error)}", _SIGN_IN
    if code:
        # 404 also comes from a server that has no such API.
        return f"The server answers {code}: {_said(error)}", _ADDRESS if code == _NO_SUCH else ""
    if isinstance(error, NotTheAPI):
        return str(error), f"That may be a page to sign in. {_SIGN_IN}"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", "Check --service-account-token-file; outside a pod use --token."
    if isinstance(error, urllib3.exceptions.HTTPError):
        words = str(getattr(error, "reason", None) or error)
        return f"Nobody answers: {_OBJECT.sub('', words)}"[:_LONGEST], _ADDRESS
    return f"{type(error).__name__}: {error}"[:_LONGEST], ""


def _said(error: Any) -> str:
    """The server's own message; its details hold stack traces."""
    body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else error.body or ""
    try:
        told = json.loads(body)
        text = told.get("message") or told.get("error_message") or told.get("error") or ""
    except (ValueError, AttributeError):
        text = "" if "<" in body[:200] else body  # a proxy's page
    return str(text or error.reason or "no reason")[:_LONGEST]
