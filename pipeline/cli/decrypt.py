"""`seqrank decrypt`."""

from __future__ import annotations

import pathlib
from typing import Annotated, Optional

import typer


def decrypt(
    path: Annotated[
        pathlib.Path, typer.Argument(metavar="PATH", help="An encrypted file, or a folder: rejected rows, a model.")
    ],
    to: Annotated[
        pathlib.Path,
        typer.Option("--to", metavar="FOLDER", help="Where the readable copy goes; a new or empty folder."),
    ],
    key_file: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10 too
        typer.Option("--key-file", help="The key. [default: where it was when the file was written]"),
    ] = None,
) -> None:
    """Copy encrypted rejected rows, or an encrypted model, so that anything can read them.

    Example: seqrank decrypt runs/artifacts/InteractionExampleGen/rejected/1 --to readable
    """
    from schemas import models
    from schemas.errors import ConfigError, DataError
    from schemas.keys import KeyOptions

    if not path.exists():
        raise DataError("There is nothing here.", where=str(path))
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ConfigError("The copy needs a new or empty folder.", where=f"--to {to}")
    key = KeyOptions(key_file=key_file) if key_file else None
    count = models.decrypt(path, to, key)
    if not count:
        raise DataError("Nothing here is encrypted; it was copied as it is.", where=str(path))
    typer.echo(f"{count} file{'s'[: count > 1]} decrypted: {to}")
