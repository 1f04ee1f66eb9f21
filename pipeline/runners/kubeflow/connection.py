"""Who asks Kubeflow's API, and the client that asks: kfp's own, made to answer soon.

By itself it asks a wrong address five times, five seconds apart, before it says so; it waits for ever for an answer;
and it writes the namespace of a pod into the user's home folder.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEALTH: Final = "/apis/v2beta1/healthz"
_LIMITS: Final = (5, 60)  # seconds to connect, seconds to answer
_HEALTH_LIMITS: Final = (5, 5)


@dataclasses.dataclass(frozen=True)
class Access:
    """How the API is reached and who asks; what isn't given the client takes from its own environment variables.

    Args:
        endpoint: URL of Kubeflow Pipelines, http:// or https://.
        namespace: the user's profile, where the cluster has several users.
        token: sent as bearer.
        cookie: sent as it stands, to a proxy that signs in by cookies.
        service_account_token: file with a pod's service account token, read anew for each request; "": the usual one.
    """

    endpoint: str
    namespace: str | None = None
    token: str | None = dataclasses.field(default=None, repr=False)
    cookie: str | None = dataclasses.field(default=None, repr=False)
    service_account_token: str | None = None

    def __post_init__(self) -> None:
        """Raises: ConfigError: the endpoint can't be one."""
        if not re.match(r"https?://[^/@]+(/|$)", self.endpoint):
            raise ConfigError(
                "The endpoint is no address of Kubeflow Pipelines.",
                where="--endpoint",
                why="It has to begin with http:// or https://, and to hold neither user nor password.",
                next_step="For example http://localhost:8080, after "
                "kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80",
            )


class NotTheAPI(ValueError):  # noqa: N818 - says what is there
    """Something answers at the endpoint, and it isn't Kubeflow's API."""


def connect(access: Access) -> Any:
    """A kfp.Client whose API has answered.

    Raises: what kfp-server-api and urllib3 raise (refusals.kinds).
    """
    import kfp
    import urllib3

    class Client(kfp.Client):  # type: ignore[misc]
        def _load_config(self, *told: Any, **named: Any) -> Any:
            config = super()._load_config(*told, **named)
            config.retries = urllib3.Retry(total=5, connect=1, read=1, backoff_factor=0.5)
            return config

        def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:
            return types.SimpleNamespace(multi_user=_healthy(self))

        def set_user_namespace(self, namespace: str) -> None:
            self._context_setting["namespace"] = namespace

    credentials = None
    if access.service_account_token is not None:
        from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

        credentials = ServiceAccountTokenVolumeCredentials(access.service_account_token or None)
    told = {"host": access.endpoint, "namespace": access.namespace or "kubeflow", "credentials": credentials}
    client = Client(existing_token=access.token, cookies=access.cookie, **told)
    api = client._run_api.api_client  # one for all services
    api.call_api = functools.partial(_limited, api.call_api)
    client.get_kfp_healthz()
    return client


def _limited(call: Any, *told: Any, **named: Any) -> Any:
    return call(*told, **{**named, "_request_timeout": named.get("_request_timeout") or _LIMITS})


def _healthy(client: Any) -> bool:
    """Whether the server has several users.

    Raises: NotTheAPI: what answers is something else, a page to sign in for example.
    """
    answer = get(client, _HEALTH, {}, _HEALTH_LIMITS).data
    try:
        return bool(json.loads(answer).get("multi_user"))
    except (ValueError, AttributeError):
        raise NotTheAPI(f"It answers with {answer[:40].decode('utf-8', 'replace')!r}…") from None


def get(client: Any, path: str, query: Mapping[str, str], limits: tuple[int, int] = _LIMITS) -> Any:
    """Asks for what kfp-server-api has no method for, with the same credentials."""
    return client._run_api.api_client.call_api(
        path,
        "GET",
        query_params=list(query.items()),
        auth_settings=["Bearer"],
        _return_http_data_only=True,
        _preload_content=False,
        _request_timeout=limits,
    )
