"""`seqrank serve`: answers requests with the newest published model."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from pipeline.cli import options
from pipeline.cli.options import ConfigFile, Output, Settings

if TYPE_CHECKING:
    import pathlib

    from pipeline.config import Config
    from serving.options import Options


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
    from pipeline.config import load

    told = options.overrides(output, settings, None)
    told += [f"serving.port={port}"] if port is not None else []
    told += [f"serving.host={host}"] if host is not None else []
    resolved = load(config, told)
    place = model or resolved.pusher.target or str(_root(resolved) / "serving" / resolved.run.name)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(message)s", stream=sys.stderr)
    from serving.server import serve as run

    run(place, completed(resolved))


def completed(config: Config) -> Options:
    """Serving's options with what follows from the rest of the configuration."""
    told, name = config.serving, config.serving.name or config.run.name
    told = told.model_copy(update={"pseudonyms": told.pseudonyms or config.example_gen.pseudonyms})
    if told.events is None or told.events.store is not None:
        return told.model_copy(update={"name": name})
    events = told.events.model_copy(update={"store": f"sqlite:///{_root(config) / 'events.sqlite'}"})
    return told.model_copy(update={"name": name, "events": events})


def _root(config: Config) -> pathlib.Path:
    return config.run.output_root.absolute()
