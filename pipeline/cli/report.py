"""`seqrank report`."""

from __future__ import annotations

import pathlib
from typing import Annotated, Optional

import typer

from pipeline.cli import inspecting, options
from pipeline.cli.inspecting import Metadata
from pipeline.cli.options import ConfigFile, Output
from pipeline.cli.show import Run

To = Annotated[
    Optional[pathlib.Path],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
    typer.Option("--to", metavar="FILE", help="Where to write it. [default: report.html in the run's own folder]"),
]


def report(
    run: Run = "latest",
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    metadata: Metadata = None,
    to: To = None,
    browser: Annotated[bool, typer.Option("--open", help="Show it in the browser, too.")] = False,
) -> None:
    """Write a run's report: one HTML page that needs nothing else, of a failed run too.

    Example: seqrank report latest --open
    """
    from inspection.report import page

    store = inspecting.open_store(config, output, metadata)
    found = store.run(run)
    path = page.write(store, found, (to or store.report(found.line.id)).absolute())
    typer.echo(str(path))
    if browser:
        import webbrowser

        webbrowser.open(path.as_uri())
