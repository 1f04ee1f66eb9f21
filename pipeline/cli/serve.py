"""`seqrank serve`: answers requests with the newest published model."""

from __future__ import annotations

import gc
import logging
import sys
from typing import Annotated, Optional

import typer

from pipeline.cli import options
from pipeline.cli.options import ConfigFile, Output, Settings


def serve(
    config: ConfigFile = options.DEFAULT_CONFIG,
    model: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
        typer.Option("--model", metavar="DIR", help="A folder of versions, or one model's. [default: the push target]"),
    ] = None,
    port: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--port", min=0, max=65535, help="Where it answers; 0: any free one. [default: serving.port]"),
    ] = None,
    host: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--host", help="Address to answer on; 0.0.0.0: for everybody. [default: serving.host]"),
    ] = None,
    output: Output = None,
    settings: Settings = None,
) -> None:
    """Answer requests with the newest published model, until Ctrl+C; newer versions are taken up as they come.

    Example: seqrank serve --port 8501
    """
    from pipeline import places
    from pipeline.config import load
    from schemas.runs import OutputRoot

    told = options.overrides(output, settings, None)
    told += [f"serving.port={port}"] if port is not None else []
    told += [f"serving.host={host}"] if host is not None else []
    resolved = load(config, told)
    place = model or places.publish_target(resolved, OutputRoot(resolved.run.output_root.absolute()))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(message)s", stream=sys.stderr)
    gc.disable()  # it would go through TensorFlow's objects many times; serving.model has it begin after them
    from serving.server import serve as run

    run(place, places.served_options(resolved))
