"""`seqrank compare`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli import inspecting, options
from pipeline.cli.inspecting import ConfigFile, Json, Metadata, Output


def compare(
    before: Annotated[str, typer.Argument(metavar="RUN_A", help="A run's name, or the beginning of it.")],
    after: Annotated[str, typer.Argument(metavar="RUN_B", help="Likewise; latest is the newest.")] = "latest",
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    metadata: Metadata = None,
    json: Json = False,
) -> None:
    """Show what differs between two runs: knobs, data, code, and figures with paired intervals.

    Example: seqrank compare 2026-11-24T1142 latest
    """
    from inspection import compare as comparing
    from inspection import tables

    store = inspecting.open_store(config, output, metadata)
    found = comparing.compare(store.run(before), store.run(after))
    inspecting.show(tables.comparison(found), found, json)
