"""`seqrank data`: get data to run on."""

from __future__ import annotations

import pathlib
from typing import Annotated, Optional

import typer

app = typer.Typer(help="Get data to run on: MovieLens-100K or -1M, or made data of any size.", no_args_is_help=True)


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


@app.command("movielens-1m")
def movielens_1m(
    cache: Annotated[
        Optional[pathlib.Path],  # noqa: UP045
        typer.Option("--cache", help="Folder in which data are kept. [default: data/ of the checkout]"),
    ] = None,
) -> None:
    """Fetch MovieLens-1M, checked by its hash, unless it is kept already; prints where it lies."""
    from pipeline.datasets import movielens, movielens_1m

    typer.echo(movielens_1m.ensure(cache or movielens.CACHE))


@app.command("synthesize")
def synthesize(
    output: Annotated[
        pathlib.Path, typer.Argument(help="File to write (.csv, .csv.gz, .parquet); with --like a folder.")
    ],
    like: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Make the log and the tables of a field: shop, news, music or sessions."),
    ] = None,
    rows: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Interactions. [default: 1,000,000; with --like what the field has]", min=1),
    ] = None,
    users: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Users at most. [default: a hundredth of the rows, at least 10; likewise]", min=1),
    ] = None,
    items: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Items at most. [default: 10,000; likewise]", min=1),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.", min=0)] = 0,
    repeats: Annotated[
        bool, typer.Option("--repeats", help="Users may meet an item again; with --like the field says it.")
    ] = False,
) -> None:
    """Make a log with an order that a model can learn: a plain one, or in the shape of a field.

    Example: seqrank data synthesize made.parquet --rows 10000000
    Example: seqrank data synthesize data/shop --like shop
    """
    try:
        if like is None:
            _plain(output, rows or 1_000_000, users, items or 10_000, seed, repeats)
        elif repeats:
            raise ValueError("--repeats and --like don't go together: the field says whether items repeat.")
        else:
            _world(output, like, rows, users, items, seed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _plain(output: pathlib.Path, rows: int, users: int | None, items: int, seed: int, repeats: bool) -> None:
    from pipeline.datasets.synthesize import synthesize as make

    output.parent.mkdir(parents=True, exist_ok=True)
    make(output, rows, users or max(10, rows // 100), items, seed, repeats)
    typer.echo(f"{output}: {rows:,} interactions")


def _world(folder: pathlib.Path, name: str, rows: int | None, users: int | None, items: int | None, seed: int) -> None:
    """Writes a world's files, and says what there is to reach on them."""
    from pipeline.datasets import worlds

    usual = worlds.size(name)
    made = worlds.make(name, worlds.Size(rows or usual.rows, users or usual.users, items or usual.items), seed)
    worlds.write(made, folder)
    for file, frame in made.files.items():
        typer.echo(f"{folder / file}: {frame.height:,} rows of {', '.join(frame.columns)}")
    typer.echo(f"Test HR@10: at most {made.ceiling(10):.3f}; the most popular items have {made.popular(10):.3f}.")
