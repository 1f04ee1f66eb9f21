"""`seqrank compile`: the package that Kubeflow Pipelines runs."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from pipeline.cli import options
from pipeline.cli.options import ConfigFile, Data, Settings


def compile_(
    config: ConfigFile = options.DEFAULT_CONFIG,
    data: Data = None,
    settings: Settings = None,
    output: Annotated[pathlib.Path, typer.Option("--output", help="The package.")] = pathlib.Path("pipeline.yaml"),
) -> None:
    """Write the same chain as a package for Kubeflow Pipelines, to upload by hand; `seqrank submit` does it all.

    Example: seqrank compile --data 's3://logs/*.csv.gz' --set pusher.target=s3://models/shop --output shop.yaml
    """
    from pipeline.config import load
    from pipeline.runners.kubeflow.compile import compile_package

    package = compile_package(load(config, options.overrides(None, settings, data)))
    output.write_text(package.text(), encoding="utf-8")
    typer.echo(f"{output}: {len(package.pipeline['root']['dag']['tasks'])} stages")
