"""Reads the JSON and Parquet that stages left, on whatever file system they lie.

What can't be reached is as good as deleted: each store's client has errors of its own for that, botocore's not even
OSError, and a missing client is an ImportError. So all of them count, where a store is asked.
"""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any, Final

import fsspec
from fsspec.implementations.local import LocalFileSystem

from schemas import stores
from schemas.encryption import is_encrypted

if TYPE_CHECKING:
    import polars as pl

_SCHEMES: Final = {"gs://": "gcs://", "minio://": "s3://"}  # as fsspec calls them
_PATIENCE: Final = 3.0  # seconds to a connection: a person waits for what is shown


def address(uri: str) -> str:
    """A URI as fsspec has it."""
    for ours, theirs in _SCHEMES.items():
        if uri.startswith(ours):
            return theirs + uri[len(ours) :]
    return uri


def locate(uri: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system that a URI is on, and its path there."""
    return fsspec.core.url_to_fs(address(uri), **_options(uri))


def open_file(uri: str, mode: str = "rb", **told: Any) -> fsspec.core.OpenFile:
    """fsspec's `open`."""
    return fsspec.open(address(uri), mode, **told, **_options(uri))


def _options(uri: str) -> dict[str, Any]:
    return stores.s3_arguments(_PATIENCE) if stores.is_s3(uri) else {}


def read_json(uri: str, *parts: str) -> Any:
    """What a JSON file holds; None where there is none, or its store can't be reached."""
    try:
        with open_file("/".join([uri.rstrip("/"), *parts]), "r", encoding="utf-8") as file:
            return json.load(file)
    except Exception:
        return None


def names(uri: str) -> list[tuple[str, int]]:
    """Every file below a folder, with its size in bytes, in order; empty where there is nothing, as above.

    On this machine's disk, links that lead out of the folder are left out: whoever is shown an artifact is shown
    nothing else.
    """
    system, root, found = _found(uri)
    if isinstance(system, LocalFileSystem):
        found = {name: told for name, told in found.items() if _inside(root, name)}
    return sorted((name[len(root) :].lstrip("/"), int(told["size"] or 0)) for name, told in found.items())


def _found(uri: str) -> tuple[fsspec.AbstractFileSystem | None, str, dict[str, Any]]:
    try:
        system, root = locate(uri)
        return system, root, system.find(root, detail=True)
    except Exception:
        return None, "", {}


def _inside(root: str, name: str) -> bool:
    return pathlib.Path(name).resolve().is_relative_to(pathlib.Path(root).resolve())


def encrypted(uri: str) -> bool:
    """Whether a file is one that needs a key."""
    with open_file(uri, "rb") as file:
        return is_encrypted(file)


def read_parquet(uri: str, columns: list[str] | None = None) -> pl.DataFrame | None:
    """All Parquet files of a folder as one table; None where there is none."""
    import polars as pl

    system, _, listed = _found(uri)
    paths = sorted(name for name in listed if name.endswith(".parquet"))
    if system is None or not paths:
        return None
    found = []
    for path in paths:
        with system.open(path, "rb") as file:
            found.append(pl.read_parquet(file, columns=columns))
    return pl.concat(found)
