"""`seqrank run`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli import options
from pipeline.cli.options import ConfigFile, Data, Output, Settings

_NOT_BLESSED = 3


def run(
    config: ConfigFile = options.DEFAULT_CONFIG,
    data: Data = None,
    output: Output = None,
    settings: Settings = None,
    epochs: Annotated[
        Optional[int],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
        typer.Option("--epochs", help="Most epochs of training. [default: trainer.epochs]", min=1),
    ] = None,
) -> None:
    """Run every stage on this machine; finished stages come from the cache.

    Example: seqrank run --data 'logs/2026-11-*.csv.gz' --output /mnt/runs

    Exit status: 0 a model is published (or was already the newest), 3 trained and evaluated but not blessed,
    1 failed, 2 the command or the configuration is wrong.
    """
    from pipeline.config import load
    from pipeline.runners import local

    told = options.overrides(output, settings, data)
    if epochs:
        told.append(f"trainer.epochs={epochs}")
    summary = local.run(load(config, told))
    raise typer.Exit(0 if summary.blessed else _NOT_BLESSED)
