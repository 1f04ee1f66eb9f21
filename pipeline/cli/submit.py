"""`seqrank submit`: the same chain, on Kubeflow Pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from pipeline.cli import options
from pipeline.cli.options import (
    ConfigFile,
    Cookie,
    Data,
    Endpoint,
    Namespace,
    ServiceAccountToken,
    ServiceAccountTokenFile,
    Settings,
    Token,
)

if TYPE_CHECKING:
    from pipeline.runners.kubeflow.submit import Submission


def submit(
    endpoint: Endpoint,
    config: ConfigFile = options.DEFAULT_CONFIG,
    data: Data = None,
    settings: Settings = None,
    namespace: Namespace = None,
    experiment: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
        typer.Option("--experiment", help="Kubeflow's group of runs; made if need be. [default: the pipeline's name]"),
    ] = None,
    run_name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--run-name", help="[default: the pipeline's name and the time; with --cron the name alone]"),
    ] = None,
    param: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--param", metavar="NAME=VALUE", help="Run-time parameter: data, window, epochs. Repeatable."),
    ] = None,
    pipeline_root: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--pipeline-root", metavar="URL", help="Where artifacts go. [default: kubeflow.pipeline_root]"),
    ] = None,
    service_account: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--service-account", help="Kubernetes' account of the steps. [default: the cluster's]"),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end, stage by stage.")] = False,
    timeout: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--timeout", metavar="SECONDS", min=0.0, help="Stop following then. [default: never]"),
    ] = None,
    cron: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--cron", metavar="SIX FIELDS", help="Repeat: '0 30 2 * * *' is daily at 2:30, as a rule UTC."),
    ] = None,
    token: Token = None,
    cookie: Cookie = None,
    service_account_token: ServiceAccountToken = False,
    service_account_token_file: ServiceAccountTokenFile = None,
) -> None:
    """Compile the chain, upload it to Kubeflow Pipelines and start a run, or a recurring one. Prints its address.

    Example: seqrank submit --endpoint http://localhost:8080 --param epochs=3 --wait

    Exit status: 0 started (with --wait: succeeded), 1 refused, failed or cancelled, 2 the command or the configuration
    is wrong.
    """
    from pipeline.config import load
    from pipeline.runners.kubeflow import submit as submission

    if cron and wait:
        raise typer.BadParameter("--cron and --wait don't go together: a schedule has no end.")
    if timeout is not None and not wait:
        raise typer.BadParameter("--timeout is for --wait.")
    who = options.access(endpoint, namespace, token, cookie, service_account_token, service_account_token_file)
    wanted = submission.Wanted(experiment, run_name, tuple(param or ()), pipeline_root, service_account, cron)
    done = submission.submit(load(config, options.overrides(None, settings, data)), who, wanted, tell=_tell)
    _say(done)
    if wait:
        submission.wait(done, timeout=timeout, tell=typer.echo)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _say(done: Submission) -> None:
    """The address alone goes to stdout, for whoever pipes it on."""
    typer.echo(done.address)
