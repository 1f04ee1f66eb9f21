"""`seqrank artifacts` and `seqrank open`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli import inspecting, options
from pipeline.cli.inspecting import ConfigFile, Json, Metadata, Output

Reference = Annotated[
    str,
    typer.Argument(
        metavar="ARTIFACT",
        help="An id, an address, the folder of a published model, or RUN/STAGE.OUTPUT, such as latest/Trainer.model.",
    ),
]


def artifacts(
    kind: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
        typer.Option("--type", help="Of one type: Model, Examples, ModelEvaluation, RejectedRows, …"),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Artifacts at most, the newest first.")] = 50,
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    metadata: Metadata = None,
    json: Json = False,
) -> None:
    """List the newest artifacts of all runs.

    Example: seqrank artifacts --type Model
    """
    from inspection import tables

    found = inspecting.open_store(config, output, metadata).artifacts(kind)[:limit]
    inspecting.show(tables.artifacts(found), found, json)


def open_(
    artifact: Reference,
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    metadata: Metadata = None,
    json: Json = False,
) -> None:
    """Show what lies in an artifact: its files, the first rows of tables, reports as text.

    Example: seqrank open latest/Evaluator.evaluation
    """
    from inspection import contents, tables

    found = contents.look(inspecting.open_store(config, output, metadata).artifact(artifact))
    inspecting.show(tables.contents(found), found, json)
