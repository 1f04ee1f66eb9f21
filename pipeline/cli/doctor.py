"""`seqrank doctor`: what a report of a fault needs, and what would make a run slow or impossible."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Show Python, the stack, TensorFlow's devices, and whether the LSTM takes the fast path.

    Exit status: 0 all is well, 1 something must be mended before a run.
    """
    from rich.console import Console
    from rich.table import Table

    from pipeline import machine

    findings = machine.examine()
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        table.add_row("ok" if finding.ok else "[bold red]mend[/]", finding.name, finding.says)
    Console(soft_wrap=True).print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)
