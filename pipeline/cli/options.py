"""Options that several commands share, each defined once."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Annotated, Final, Optional

import typer

if TYPE_CHECKING:
    from pipeline.runners.kubeflow.connection import Access

DEFAULT_CONFIG: Final = pathlib.Path("configs/movielens-100k.yaml")

ConfigFile = Annotated[
    pathlib.Path, typer.Option("--config", help="YAML file; `seqrank config` prints what it resolves to.")
]
Output = Annotated[
    Optional[pathlib.Path],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
    typer.Option("--output", help="Folder of metadata, artifacts, models, logs. [default: run.output_root]"),
]
Settings = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--set", metavar="KEY=VALUE", help="One value in place of the configuration's. Repeatable."),
]
Data = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--data",
        metavar="GLOB",
        help="Interaction files (.csv, .csv.gz, .parquet) in place of the configuration's. Repeatable.",
    ),
]
Endpoint = Annotated[
    str,
    typer.Option("--endpoint", metavar="URL", envvar="KF_PIPELINES_ENDPOINT", help="Address of Kubeflow Pipelines."),
]
AnyEndpoint = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--endpoint", metavar="URL", envvar="KF_PIPELINES_ENDPOINT", help="Of Kubeflow Pipelines: its runs."),
]
Namespace = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--namespace", help="Your profile, where the cluster has several users. [default: none]"),
]
Token = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--token", envvar="KF_PIPELINES_TOKEN", help="Sent as bearer. Others on this machine can read it here."
    ),
]
Cookie = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--cookie", envvar="KF_PIPELINES_COOKIE", help="Sent as it stands, NAME=VALUE."),
]
ServiceAccountToken = Annotated[
    bool, typer.Option("--service-account-token", help="In a pod: be who its service account is.")
]
ServiceAccountTokenFile = Annotated[
    Optional[pathlib.Path],  # noqa: UP045
    typer.Option(
        "--service-account-token-file",
        metavar="FILE",
        help="Such a token from elsewhere. [default: where Kubernetes mounts it, or KF_PIPELINES_SA_TOKEN_PATH]",
    ),
]


def access(
    endpoint: str,
    namespace: str | None,
    token: str | None,
    cookie: str | None,
    service_account_token: bool,
    service_account_token_file: pathlib.Path | None,
) -> Access:
    """Who asks Kubeflow's API, and where it is.

    Raises: typer.BadParameter: both a token and a service account's.
    """
    from pipeline.runners.kubeflow.connection import Access

    file = "" if service_account_token else None
    if service_account_token_file:
        file = str(service_account_token_file)
    if token and file is not None:
        raise typer.BadParameter("--token and --service-account-token don't go together.")
    return Access(endpoint.partition("#")[0], namespace, token, cookie, file)


def overrides(output: pathlib.Path | None, settings: list[str] | None, data: list[str] | None) -> list[str]:
    """What options say, in the words of `--set`; `--set` itself comes first, so that the named option wins."""
    told = list(settings or [])
    if data:
        told.append(f"example_gen.data={json.dumps(data)}")
    if output:
        told.append(f"run.output_root={json.dumps(str(output))}")
    return told
