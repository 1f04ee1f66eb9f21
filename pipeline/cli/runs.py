"""`seqrank runs`: what ran here, or runs and ran on Kubeflow Pipelines."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import inspecting, options
from pipeline.cli.inspecting import ConfigFile, Json, Metadata, Output
from pipeline.cli.options import AnyEndpoint, Cookie, Namespace, ServiceAccountToken, ServiceAccountTokenFile, Token

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.runners.kubeflow.client import Run

_COLOURS = {"SUCCEEDED": "green", "FAILED": "bold red", "CANCELED": "yellow", "RUNNING": "cyan"}


def runs(
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    metadata: Metadata = None,
    json: Json = False,
    endpoint: AnyEndpoint = None,
    namespace: Namespace = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Runs at most, the newest first.")] = 20,
    token: Token = None,
    cookie: Cookie = None,
    service_account_token: ServiceAccountToken = False,
    service_account_token_file: ServiceAccountTokenFile = None,
) -> None:
    """List the newest runs: of this machine, or with --endpoint those on Kubeflow Pipelines.

    Example: seqrank runs --limit 5
    """
    if not endpoint:
        from inspection import tables

        here = inspecting.open_store(config, output, metadata).runs(limit)
        inspecting.show(tables.runs(here), here, json)
        return
    from pipeline.runners.kubeflow.client import Cluster

    who = options.access(endpoint, namespace, token, cookie, service_account_token, service_account_token_file)
    found = Cluster(who).runs(limit)
    if not found:
        typer.echo("No run yet.")
        return
    inspecting.print_table(_table(found))


def _table(found: list[Run]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("RUN", "STATE", "STARTED (UTC)", "TOOK", "ID", box=None, pad_edge=False)
    for run in found:
        created = run.created.astimezone(datetime.timezone.utc) if run.created else None
        took = str(datetime.timedelta(seconds=round(run.took))) if run.took is not None else ""
        state = Text(run.state.lower(), style=_COLOURS.get(run.state, ""))
        table.add_row(
            Text(run.name or ""), state, f"{created:%Y-%m-%d %H:%M:%S}" if created else "", took, Text(run.id)
        )
    return table
