"""Opens a metadata store to read it, within a time limit: SQLite, a database server, or Kubeflow's own over gRPC."""

from __future__ import annotations

import pathlib
import socket
import sqlite3
from typing import TYPE_CHECKING, Final

from schemas.errors import NotInStoreError, StoreError, StoreInUseError

if TYPE_CHECKING:
    from ml_metadata import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as pb

    Where = pb.ConnectionConfig | pb.MetadataStoreClientConfig

LIMIT: Final = 5.0  # seconds until a store that doesn't answer is given up


def sqlite_store(path: pathlib.Path) -> Where:
    """Where a local run keeps its metadata: a file, only to be read."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READONLY
    return config


def connect(where: Where, limit: float = LIMIT) -> MetadataStore:
    """Opens a store.

    ML Metadata's client waits without an end for a locked file or a silent server, so both are tried first.

    Args:
        where: as ML Metadata wants it.
        limit: seconds.
    Raises: StoreError: there is none, it is in use beyond the limit, or it isn't ML Metadata's.
    """
    from ml_metadata import MetadataStore, errors
    from ml_metadata.proto import metadata_store_pb2 as pb

    name = _try(where, limit)
    if isinstance(where, pb.MetadataStoreClientConfig):
        where.client_timeout_sec = limit
    try:
        store = MetadataStore(where)
        store.get_context_types()
    except (errors.StatusError, RuntimeError) as error:
        raise StoreError("This metadata store can't be read.", where=name, why=str(error)) from error
    return store


def _try(where: Where, limit: float) -> str:
    """Whether something answers; returns what to call it."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    if isinstance(where, pb.MetadataStoreClientConfig):
        return _try_port(where.host, where.port, limit)
    kind = where.WhichOneof("config")
    if kind == "sqlite":
        return _try_sqlite(pathlib.Path(where.sqlite.filename_uri), limit)
    server = getattr(where, kind)
    port = int(server.port or (3306 if kind == "mysql" else 5432))
    return _try_port(server.host or getattr(server, "hostaddr", "") or "localhost", port, limit)


def _try_sqlite(path: pathlib.Path, limit: float) -> str:
    if not path.exists():
        raise NotInStoreError(
            "No run has been here yet.", where=str(path), next_step="Name another folder: --output FOLDER."
        )
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=limit) as database:
            database.execute("SELECT count(*) FROM MLMDEnv").fetchone()
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StoreInUseError(
                f"The metadata store is in use, and was for {limit:g} seconds.",
                where=str(path),
                next_step="Try again when whoever writes to it is done.",
            ) from error
        raise StoreError("This is no store of ML Metadata.", where=str(path), why=str(error)) from error
    except sqlite3.DatabaseError as error:
        raise StoreError("This is no store of ML Metadata.", where=str(path), why=str(error)) from error
    return str(path)


def _try_port(host: str, port: int, limit: float) -> str:
    name = f"{host}:{port}"
    try:
        socket.create_connection((host, port), timeout=limit).close()
    except OSError as error:
        raise StoreError("No metadata store answers here.", where=name, why=str(error)) from error
    return name
