"""`seqrank show`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli import inspecting, options
from pipeline.cli.inspecting import ConfigFile, Json, Metadata, Output

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's name, the beginning of it, or latest.")]


def show(
    run: Run = "latest",
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    metadata: Metadata = None,
    json: Json = False,
) -> None:
    """Show a run: its stages, its figures, and why it was blessed or not.

    Example: seqrank show latest
    """
    from inspection import results, tables

    found = inspecting.open_store(config, output, metadata).run(run)
    came = results.of(found)
    inspecting.show(tables.run(found, came), {"run": found, "results": came}, json)
