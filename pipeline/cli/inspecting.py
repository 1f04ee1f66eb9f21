"""What the commands that look at finished runs share: which store, and tables or JSON."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final, Optional

import typer

from pipeline.cli import options

if TYPE_CHECKING:
    from rich.console import RenderableType

    from inspection.connection import Where
    from inspection.store import Store

_PIPED: Final = 200  # columns, where nobody says how wide a line may be
_GRPC_PORT: Final = 8080

ConfigFile, Output = options.ConfigFile, options.Output
Json = Annotated[bool, typer.Option("--json", help="JSON for programs, in place of a table.")]
Metadata = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
    typer.Option("--metadata", metavar="HOST[:PORT]", help="Kubeflow's metadata service (gRPC), in place of a file."),
]


@dataclasses.dataclass(frozen=True)
class Opener:
    """Opens a store, each time anew; `place`: what to call it."""

    where: Where
    place: str

    def __call__(self) -> Store:
        """Raises: StoreError: there is none, or it can't be read."""
        from inspection.store import Store

        return Store(self.where)


def opener(config: pathlib.Path, output: pathlib.Path | None, metadata: str | None) -> Opener:
    """For the store that the options name, whether or not it is there already."""
    from inspection.connection import sqlite_store
    from pipeline.config import load
    from schemas.runs import OutputRoot

    if metadata:
        from ml_metadata.proto import metadata_store_pb2 as pb

        host, _, port = metadata.partition(":")
        return Opener(pb.MetadataStoreClientConfig(host=host, port=int(port or _GRPC_PORT)), metadata)
    root = (output or load(config, []).run.output_root).absolute()
    return Opener(sqlite_store(OutputRoot(root).metadata), str(root))


def open_store(config: pathlib.Path, output: pathlib.Path | None, metadata: str | None) -> Store:
    """The store that the options name.

    Raises: StoreError: there is none, or it can't be read.
    """
    return opener(config, output, metadata)()


def show(table: RenderableType, record: Any, as_json: bool) -> None:
    """Prints the table, or the record as JSON."""
    if as_json:
        import json

        from inspection.records import plain

        typer.echo(json.dumps(plain(record), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else _PIPED).print(table)
