"""Options that several commands share, each defined once."""

from __future__ import annotations

import json
import pathlib
from typing import Annotated, Final, Optional

import typer

DEFAULT_CONFIG: Final = pathlib.Path("configs/movielens-100k.yaml")

ConfigFile = Annotated[
    pathlib.Path, typer.Option("--config", help="YAML file; `seqrank config` prints what it resolves to.")
]
Output = Annotated[
    Optional[pathlib.Path],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
    typer.Option("--output", help="Folder of metadata, artifacts, models, logs. [default: run.output_root]"),
]
Settings = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--set", metavar="KEY=VALUE", help="One value in place of the configuration's. Repeatable."),
]
Data = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--data",
        metavar="GLOB",
        help="Interaction files (.csv, .csv.gz, .parquet) in place of the configuration's. Repeatable.",
    ),
]


def overrides(output: pathlib.Path | None, settings: list[str] | None, data: list[str] | None) -> list[str]:
    """What options say, in the words of `--set`; `--set` itself comes first, so that the named option wins."""
    told = list(settings or [])
    if data:
        told.append(f"example_gen.data={json.dumps(data)}")
    if output:
        told.append(f"run.output_root={json.dumps(str(output))}")
    return told
