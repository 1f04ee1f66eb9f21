"""`seqrank config`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli import options
from pipeline.cli.options import ConfigFile, Data, Output, Settings


def config(
    file: ConfigFile = options.DEFAULT_CONFIG,
    data: Data = None,
    output: Output = None,
    settings: Settings = None,
    describe: Annotated[
        bool, typer.Option("--describe", help="With what each key means, and where its value comes from.")
    ] = False,
) -> None:
    """Print the resolved configuration as YAML: what a run would use.

    Example: seqrank config --describe --set trainer.epochs=3
    """
    from pipeline.config import load_with_sources
    from pipeline.describe import to_yaml

    loaded = load_with_sources(file, options.overrides(output, settings, data))
    typer.echo(to_yaml(loaded.config, loaded.where, describe=describe), nl=False)
