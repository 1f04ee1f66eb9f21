"""`seqrank ui`: the page over all runs."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import Annotated

import typer

from pipeline.cli import inspecting, options
from pipeline.cli.inspecting import Metadata
from pipeline.cli.options import ConfigFile, Output
from schemas.errors import SeqrankError


def ui(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where it answers; 0: any free one.")] = 8765,
    host: Annotated[
        str, typer.Option("--host", help="Address to answer on. Another than this one lets others read all runs.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    config: ConfigFile = options.DEFAULT_CONFIG,
    output: Output = None,
    metadata: Metadata = None,
) -> None:
    """Show all runs as a local page: lists, figures, differences, lineage, reports, TensorBoard. It only reads.

    Example: seqrank ui --output /mnt/runs
    """
    import uvicorn

    from inspection.ui.app import create_app
    from inspection.ui.guard import is_here

    opened = inspecting.opener(config, output, metadata)
    listening = _listen(host, port)
    if not is_here(host):
        typer.echo(f"Whoever reaches {host} can now read every run here, and every artifact's files.", err=True)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    app = create_app(opened, place=opened.place, host=host)
    typer.echo(f"{opened.place}: {address} (Ctrl+C ends it)")
    if browser:
        _open(address)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3))
    with contextlib.suppress(KeyboardInterrupt):  # raised again once all is closed
        server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """The socket, already listening: a browser that is too early waits instead of failing.

    Raises: SeqrankError: another program has the port, or the host is no address of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise SeqrankError(
            "The page can't be served here.",
            where=f"{host}:{port}",
            why=str(error),
            next_step="Choose another port (--port 0: any free one), or leave --host out.",
        ) from error


def _open(address: str) -> None:
    """Opens the browser where there is a screen: without one, a text browser would take over this terminal."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        import webbrowser

        webbrowser.open(address)
