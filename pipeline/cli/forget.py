"""`seqrank forget`."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli import inspecting, options
from pipeline.cli.options import ConfigFile, Output, Settings


def forget(
    users: Annotated[list[str], typer.Argument(metavar="USER...", help="Ids as they are in the log.")],
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    settings: Settings = None,
    only_show: Annotated[
        bool, typer.Option("--only-show", help="Say what still derives from them, and change nothing.")
    ] = False,
) -> None:
    """Leave users out of every later run and drop what the server keeps of them; retire what derives from them.

    `seqrank gc --yes` then deletes what is retired; the version that is served stays until a newer one is there.

    Example: seqrank forget 4711 4712
    """
    from inspection import tables
    from pipeline import erasure
    from pipeline.config import load
    from pipeline.runners import lock
    from schemas.runs import OutputRoot

    loaded = load(config, options.overrides(output, settings, None))
    root = OutputRoot(loaded.run.output_root.absolute())
    called = erasure.called(loaded, users)
    if not only_show:
        done = erasure.forget(loaded, root, called)
        typer.echo(f"{done.listed} of {len(users)} added to {done.place}; every later run leaves them out.")
        kept = "not looked at, this configuration keeps none here" if done.stored is None else f"{done.stored} dropped"
        typer.echo(f"Histories in the event store: {kept}.")
    if not loaded.run.metadata.shared and not root.metadata.exists():
        typer.echo("No run has been here, so nothing derives from them.")
        return
    store = inspecting.open_store(config, root.path, None)
    found = erasure.derived(store, called)
    if found is None:
        typer.echo("No data that a run has read, and that is still here, has them.")
        return
    inspecting.print_table(tables.downstream(found))
    if only_show:
        return
    with lock.held(root):
        count = erasure.retire(loaded, root, found)
    typer.echo(f"{count} artifacts are retired: no run takes them from the cache, no training begins with them.")
    typer.echo("Next: seqrank run makes a model without these users, then seqrank gc --yes deletes what is retired.")
