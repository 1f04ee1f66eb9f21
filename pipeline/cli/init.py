"""`seqrank init`."""

from __future__ import annotations

import pathlib
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Final, Optional

import typer

from pipeline.cli.options import Settings
from schemas.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pipeline.guess.log import Log
    from pipeline.guess.roles import Role

_WIDTH: Final = 120  # of tables where there is no terminal


def init(
    data: Annotated[
        list[str],
        typer.Option("--data", metavar="GLOB", help="Interaction files (.csv, .csv.gz, .parquet). Repeatable."),
    ],
    items: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
        typer.Option("--items", metavar="FILE", help="Table with a row an item: titles, categories, prices."),
    ] = None,
    users: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--users", metavar="FILE", help="Table with a row a user."),
    ] = None,
    output: Annotated[
        Optional[pathlib.Path],  # noqa: UP045
        typer.Option("--output", help="YAML file to write. [default: NAME.yaml]"),
    ] = None,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--name", help="The pipeline's and the model's name. [default: from the file's]"),
    ] = None,
    settings: Settings = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; fail where a column can't be found.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Look at an interaction log, guess how to read it and how to train on it, and write a configuration that runs.

    Example: seqrank init --data 'logs/2026-11-*.csv.gz' --items products.csv

    A guess that is wrong is put right in the file, or by `--set`: --set example_gen.columns.user=visitor
    """
    from rich.console import Console

    from pipeline.guess import log

    asks = not yes and sys.stdin.isatty() and sys.stdout.isatty()
    name = name or (output.stem if output else log.name_of(data[0]))
    output = output or pathlib.Path(f"{name}.yaml")
    _check_free(output, force=force, asks=asks)

    from pipeline.guess import draft, report  # with the reader, and so Beam, which takes seconds

    told = draft.parse_settings(settings or [])
    found = draft.find(data)
    seen = log.look(found[0].name).told(draft.told_roles(told))
    seen = _complete(seen, asks=asks)
    side = {kind: file for kind, file in (("items", items), ("users", users)) if file}
    made = draft.make(name, data, found, seen, side, told)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    report.show(made, console)
    if asks and not typer.confirm(f"\nWrite {output}?", default=True):
        raise typer.Exit(0)
    draft.save(made, output)
    console.print(
        f"\n{output} is written. Next: seqrank run --config {shlex.quote(str(output))}", highlight=False, markup=False
    )


def _check_free(output: pathlib.Path, *, force: bool, asks: bool) -> None:
    if not output.exists() or force:
        return
    if not (asks and typer.confirm(f"{output} is there already. Write over it?", default=False)):
        raise ConfigError(
            "The file is there already.", where=str(output), next_step="--force writes over it; --output names another."
        )


def _complete(seen: Log, *, asks: bool) -> Log:
    """Asks for the roles that no column has, or fails."""
    known: dict[Role, str | None] = {}
    for role in seen.missing():
        columns = ", ".join(seen.columns)
        if not asks:
            raise DataError(
                f"no column looks like the {role}.",
                where=seen.file,
                why=f"the columns are {columns}.",
                next_step=f"say which it is: --set example_gen.columns.{role}=COLUMN",
            )
        known[role] = typer.prompt(f"Which column is the {role}? ({columns})")
    return seen.told(known) if known else seen
