"""Reads the JSON and Parquet that stages left, on whatever file system they lie."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any, Final

import fsspec
from fsspec.implementations.local import LocalFileSystem

if TYPE_CHECKING:
    import polars as pl

_SCHEMES: Final = {"gs://": "gcs://", "minio://": "s3://"}  # as fsspec calls them


def address(uri: str) -> str:
    """A URI as fsspec has it."""
    for ours, theirs in _SCHEMES.items():
        if uri.startswith(ours):
            return theirs + uri[len(ours) :]
    return uri


def read_json(uri: str, *parts: str) -> Any:
    """What a JSON file holds; None where there is none (deleted since, or on a store that can't be reached)."""
    try:
        with fsspec.open("/".join([address(uri).rstrip("/"), *parts]), "r", encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError, ImportError):
        return None


def names(uri: str) -> list[tuple[str, int]]:
    """Every file below a folder, with its size in bytes, in order; empty where there is nothing.

    On this machine's disk, links that lead out of the folder are left out: whoever is shown an artifact is shown
    nothing else.
    """
    system, root = fsspec.core.url_to_fs(address(uri))
    try:
        found = system.find(root, detail=True)
    except OSError:
        return []
    if isinstance(system, LocalFileSystem):
        found = {name: told for name, told in found.items() if _inside(root, name)}
    return sorted((name[len(root) :].lstrip("/"), int(told["size"] or 0)) for name, told in found.items())


def _inside(root: str, name: str) -> bool:
    return pathlib.Path(name).resolve().is_relative_to(pathlib.Path(root).resolve())


def read_parquet(uri: str, columns: list[str] | None = None) -> pl.DataFrame | None:
    """All Parquet files of a folder as one table; None where there is none."""
    import polars as pl
    import pyarrow.dataset as ds

    system, root = fsspec.core.url_to_fs(address(uri))
    try:
        paths = sorted(name for name in system.find(root) if name.endswith(".parquet"))
    except OSError:
        return None
    if not paths:
        return None
    found = pl.from_arrow(ds.dataset(paths, filesystem=system, format="parquet").to_table(columns=columns))
    return found if isinstance(found, pl.DataFrame) else found.to_frame()
