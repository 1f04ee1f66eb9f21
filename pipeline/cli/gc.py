"""`seqrank gc`."""

from __future__ import annotations

import collections
from typing import Annotated

import typer

from pipeline.cli import options
from pipeline.cli.options import ConfigFile, Output, Settings


def gc(
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    settings: Settings = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete. Without it, only say what would go.")] = False,
) -> None:
    """Show what can be deleted: output of killed runs, and runs, artifacts and models beyond `run.keep`.

    Example: seqrank gc --set run.keep.runs=3 --yes
    """
    from pipeline import leftovers
    from pipeline.config import load
    from pipeline.runners import lock
    from schemas.runs import OutputRoot

    loaded = load(config, options.overrides(output, settings, None))
    root = OutputRoot(loaded.run.output_root.absolute())
    with lock.held(root):
        found = leftovers.find(loaded, root)
        for leftover in found:
            typer.echo(f"{_megabytes(leftover.size)}  {leftover.path}: {leftover.why}")
        sums: collections.Counter[str] = collections.Counter()
        for leftover in found:
            sums[leftover.why] += leftover.size
        for why, size in sums.items():
            typer.echo(f"{_megabytes(size)}  in all {why}")
        if yes:
            leftovers.remove(found, loaded, root)
    if not found:
        typer.echo("Nothing to delete.")
    else:
        typer.echo("Deleted." if yes else "Nothing was deleted; --yes deletes all of it.")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:10.1f} MB"
