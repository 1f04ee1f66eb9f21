"""`seqrank lineage`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli import inspecting, options
from pipeline.cli.artifacts import Reference
from pipeline.cli.inspecting import ConfigFile, Json, Metadata, Output


def lineage(
    artifact: Reference,
    forward: Annotated[
        bool, typer.Option("--forward", help="What came of it, in place of where it comes from.")
    ] = False,
    file: Annotated[
        bool,
        typer.Option("--file", help="ARTIFACT is a data file (its name, or 8 digits of its SHA-256): what came of it."),
    ] = False,
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    metadata: Metadata = None,
    json: Json = False,
) -> None:
    """Show where an artifact comes from, down to files and code; or which models came of a data file.

    Example: seqrank lineage runs/serving/movielens/1795644719

    Example: seqrank lineage --file interactions.csv
    """
    from inspection import lineage as lines
    from inspection import tables

    store = inspecting.open_store(config, output, metadata)
    if forward or file:
        begin = lines.of_file(store, artifact) if file else (store.artifact(artifact),)
        found = lines.downstream(store, begin)
        inspecting.show(tables.downstream(found), found, json)
    else:
        found = lines.upstream(store, store.artifact(artifact))
        inspecting.show(tables.upstream(found), found, json)
