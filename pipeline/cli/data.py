"""`seqrank data`: get data to run on."""

from __future__ import annotations

import pathlib
from typing import Annotated, Optional

import typer

app = typer.Typer(help="Get data to run on: MovieLens-100K, or a made log of any size.", no_args_is_help=True)


@app.command("movielens-100k")
def movielens_100k(
    cache: Annotated[
        Optional[pathlib.Path],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
        typer.Option("--cache", help="Folder in which data are kept. [default: data/ of the checkout]"),
    ] = None,
) -> None:
    """Fetch MovieLens-100K, checked by its hash, unless it is kept already; prints where it lies."""
    from pipeline.datasets import movielens

    typer.echo(movielens.ensure(cache or movielens.CACHE))


@app.command("synthesize")
def synthesize(
    output: Annotated[pathlib.Path, typer.Argument(help="File to write: .csv, .csv.gz or .parquet.")],
    rows: Annotated[int, typer.Option(help="Interactions.", min=1)] = 1_000_000,
    users: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Users at most. [default: a hundredth of the rows, at least 10]", min=1),
    ] = None,
    items: Annotated[int, typer.Option(help="Items at most.", min=1)] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.", min=0)] = 0,
    repeats: Annotated[bool, typer.Option("--repeats", help="Users may meet an item again.")] = False,
) -> None:
    """Make a log with Zipf items and users and an order that a model can learn.

    Example: seqrank data synthesize made.parquet --rows 10000000
    """
    from pipeline.datasets.synthesize import synthesize as make

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        make(output, rows, users or max(10, rows // 100), items, seed, repeats)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"{output}: {rows:,} interactions")
