"""What the commands that look at finished runs share: which store, and tables or JSON."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final, Optional

import typer

from pipeline.cli.options import ConfigFile as ConfigFile
from pipeline.cli.options import Output as Output

if TYPE_CHECKING:
    from ml_metadata.proto.metadata_store_pb2 import MetadataStoreClientConfig
    from rich.console import RenderableType

    from inspection.connection import Where
    from inspection.store import Store
    from pipeline.metadata_options import MetadataOptions
    from pipeline.run_options import RunOptions
    from schemas.runs import OutputRoot

_PIPED: Final = 200  # columns, where nobody says how wide a line may be
_GRPC_PORT: Final = 8080

Json = Annotated[bool, typer.Option("--json", help="JSON for programs, in place of a table.")]
Metadata = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
    typer.Option(
        "--metadata",
        metavar="HOST[:PORT]",
        help="Kubeflow's metadata service (gRPC), in place of the configured store.",
    ),
]


@dataclasses.dataclass(frozen=True)
class Opener:
    """Opens a store, each time anew; `place`: what to call it."""

    where: Where
    place: str
    root: OutputRoot | None = None

    def __call__(self) -> Store:
        """Raises: StoreError: there is none, or it can't be read."""
        from inspection.store import Store

        return Store(self.where, root=self.root)


def opener(config: pathlib.Path, output: pathlib.Path | None, metadata: str | None) -> Opener:
    """For the store that the options name, whether or not it is there already."""
    from inspection.connection import sqlite_store

    if metadata:
        return Opener(_kubeflow(metadata), metadata)
    told, root = _configured(config, output)
    if told.shared:
        from pipeline import metadata_server

        return Opener(metadata_server.where(told, only_look=True), str(root.path), root)
    return Opener(sqlite_store(root.metadata), str(root.path), root)


def open_store(config: pathlib.Path, output: pathlib.Path | None, metadata: str | None) -> Store:
    """The store that the options name.

    Raises: StoreError: there is none, or it can't be read.
    """
    return opener(config, output, metadata)()


def _kubeflow(address: str) -> MetadataStoreClientConfig:
    from ml_metadata.proto import metadata_store_pb2 as pb

    host, _, port = address.removeprefix("grpc://").rpartition(":") if ":" in address else (address, "", "")
    if not host or not (port or str(_GRPC_PORT)).isdecimal():
        raise typer.BadParameter(f"{address}: write it as HOST or HOST:PORT.", param_hint="--metadata")
    return pb.MetadataStoreClientConfig(host=host.strip("[]"), port=int(port or _GRPC_PORT))


def _configured(config: pathlib.Path, output: pathlib.Path | None) -> tuple[MetadataOptions, OutputRoot]:
    """Where the store is. A folder that is named needs no configuration: without one, its file is meant."""
    from pipeline.metadata_options import MetadataOptions
    from schemas.runs import OutputRoot

    if output and not config.exists():
        return MetadataOptions(), OutputRoot(output.absolute())
    run = _run_section(config)
    return run.metadata, OutputRoot((output or run.output_root).absolute())


def _run_section(config: pathlib.Path) -> RunOptions:
    """The one section that matters here. Reading all of them takes as long as the rest of a command.

    Raises: ConfigError: as pipeline.config.load, which words what is wrong.
    """
    import yaml
    from pydantic import ValidationError

    from pipeline.run_options import RunOptions

    try:
        values = yaml.safe_load(config.read_text(encoding="utf-8"))
        return RunOptions.model_validate((values or {}).get("run") or {})
    except (OSError, ValueError, yaml.YAMLError, AttributeError, ValidationError):
        from pipeline.config import load

        return load(config, []).run


def show(table: RenderableType, record: Any, as_json: bool) -> None:
    """Prints the table, or the record as JSON."""
    if as_json:
        import json

        from inspection.records import plain

        typer.echo(json.dumps(plain(record), indent=2, ensure_ascii=False))
        return
    print_table(table)


def print_table(table: RenderableType) -> None:
    """Prints a table as wide as the terminal; into a pipe without folding its lines."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else _PIPED).print(table)
