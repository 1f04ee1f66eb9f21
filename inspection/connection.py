"""Opens a metadata store to read it, within a time limit: SQLite, a database server, or Kubeflow's own over gRPC."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import sqlite3
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias

from schemas.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ml_metadata import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as pb

    Where: TypeAlias = pb.ConnectionConfig | pb.MetadataStoreClientConfig

LIMIT: Final = 5.0  # seconds until a store that doesn't answer is given up
_MESSAGE: Final = 100 * 1024 * 1024  # bytes of one answer over gRPC; as Kubeflow's own clients have it
_POSTGRESQL_ENCRYPTS: Final = (8).to_bytes(4, "big") + (80_877_103).to_bytes(4, "big")  # SSLRequest of its protocol
_MYSQL_ENCRYPTS: Final = 0x0800  # CLIENT_SSL of its protocol
_STDERR: Final = threading.Lock()


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
    from ml_metadata import errors
    from ml_metadata.proto import metadata_store_pb2 as pb

    name = _try(where, limit)
    if isinstance(where, pb.MetadataStoreClientConfig):
        where.client_timeout_sec = limit
        where.channel_arguments.max_receive_message_length = _MESSAGE
    with _errors_said() as said:
        try:
            store = _client(where, name)
            store.get_context_types()
        except (errors.StatusError, RuntimeError, StoreError) as error:
            why = "\n".join([error.why if isinstance(error, StoreError) else str(error).strip(), *said()])
            raise StoreError("This metadata store can't be read.", where=name, why=why) from error
    return store


def _client(where: Where, name: str) -> MetadataStore:
    """ML Metadata's client, that says plainly when its store is gone."""
    from ml_metadata import MetadataStore, errors
    from ml_metadata.proto import metadata_store_pb2 as pb

    base = MetadataStore
    if isinstance(where, pb.ConnectionConfig) and where.WhichOneof("config") == "postgresql":
        from inspection import postgresql

        base = postgresql.Client
    gone = (errors.UnavailableError, errors.DeadlineExceededError, errors.InternalError, errors.ResourceExhaustedError)

    class Client(base):  # type: ignore[valid-type, misc]
        def _call_method(self, method_name: str, request: Any, response: Any) -> None:
            try:
                super()._call_method(method_name, request, response)
            except gone as error:
                raise StoreError("The metadata store no longer answers.", where=name, why=str(error)) from error

    return Client(where)


def _try(where: Where, limit: float) -> str:
    """Whether something answers; returns what to call it."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    if isinstance(where, pb.MetadataStoreClientConfig):
        return _try_port(where.host, where.port, limit)
    kind = where.WhichOneof("config")
    if kind == "sqlite":
        return _try_sqlite(pathlib.Path(where.sqlite.filename_uri), limit)
    server = getattr(where, kind)
    if kind == "mysql":
        greets = _greets_encrypted if server.HasField("ssl_options") else _greets
        return _try_port(server.host, server.port or 3306, limit, greets)
    return _try_port(server.host or server.hostaddr, int(server.port or 5432), limit, _answers)


def _try_sqlite(path: pathlib.Path, limit: float) -> str:
    if not path.exists():
        raise StoreError(
            "No run has been here yet.", where=str(path), next_step="Name another folder: --output FOLDER."
        )
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=limit) as database:
            database.execute("SELECT count(*) FROM MLMDEnv").fetchone()
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StoreError(
                f"The metadata store is in use, and was for {limit:g} seconds.",
                where=str(path),
                next_step="Try again when whoever writes to it is done.",
            ) from error
        raise StoreError("This is no store of ML Metadata.", where=str(path), why=str(error)) from error
    except sqlite3.DatabaseError as error:
        raise StoreError("This is no store of ML Metadata.", where=str(path), why=str(error)) from error
    return str(path)


def _try_port(host: str, port: int, limit: float, speaks: Callable[[socket.socket], None] = lambda _: None) -> str:
    name = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=limit) as connection:
            connection.settimeout(limit)
            speaks(connection)
    except OSError as error:
        raise StoreError("No metadata store answers here.", where=name, why=str(error)) from error
    return name


def _greets(server: socket.socket) -> None:
    """MySQL's server speaks first."""
    if not server.recv(1):
        raise ConnectionError("It hung up.")


def _greets_encrypted(server: socket.socket) -> None:
    """MySQL's client goes on in plain text, and says nothing, where a server offers no encryption."""
    greeting = server.recv(1024)  # length (3), number, version of the protocol, version as text ended by 0, …
    text = greeting.find(b"\0", 5)
    offers = greeting[text + 14 : text + 16]  # … thread (4), salt (8), 0, what the server can (lower half)
    if text < 0 or len(offers) < 2 or not int.from_bytes(offers, "little") & _MYSQL_ENCRYPTS:
        raise ConnectionError("It doesn't encrypt, and run.metadata.ssl asks for that.")


def _answers(server: socket.socket) -> None:
    """PostgreSQL's server says yes or no when it is asked whether it encrypts."""
    server.sendall(_POSTGRESQL_ENCRYPTS)
    if server.recv(1) not in (b"S", b"N"):
        raise ConnectionError("This is no PostgreSQL.")


@contextlib.contextmanager
def _errors_said() -> Iterator[Callable[[], list[str]]]:
    """Keeps what ML Metadata's library writes to standard error while it connects.

    On PostgreSQL it reports each connection there, and has the reason of a refusal there alone. One thread at a time,
    since a process has one standard error.
    """
    with _STDERR, tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: _worded(file)
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)


def _worded(file: IO[bytes]) -> list[str]:
    """Lines of errors, without the library's file names."""
    file.seek(0)
    lines = file.read().decode("utf-8", "replace").splitlines()
    return [line.partition("] ")[2].strip() for line in lines if line.startswith("E") and "] " in line]
