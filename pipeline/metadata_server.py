"""A database server as ML Metadata wants to be told of it; the password comes from the environment, and stays there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.metadata_options import MYSQL
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.metadata_options import MetadataOptions


def where(options: MetadataOptions, *, only_look: bool = False) -> pb.ConnectionConfig:
    """Where a server's database is.

    Args:
        options: of kind mysql or postgresql.
        only_look: don't make a database that isn't there.
    Raises: ConfigError: the environment has no such password.
    """
    config = pb.ConnectionConfig()
    host, port = options.address
    if host == "localhost":
        host = "127.0.0.1"  # else MySQL's client looks for a socket, at a place of its own
    if options.kind == MYSQL:
        mysql = config.mysql
        mysql.host, mysql.port, mysql.database, mysql.user = host, port, str(options.database), str(options.user)
        mysql.skip_db_creation = only_look
    else:
        postgresql = config.postgresql
        postgresql.host, postgresql.port = host, str(port)
        postgresql.dbname, postgresql.user = str(options.database), _quoted(str(options.user))
        postgresql.skip_db_creation = only_look
    server = config.mysql if options.kind == MYSQL else config.postgresql
    if options.password_env:
        password = _password(options.password_env)
        server.password = password if options.kind == MYSQL else _quoted(password)
    if options.ssl:
        told = config.mysql.ssl_options
        told.verify_server_cert = False  # said, it turns encryption on; True refuses good certificates, too
        if options.ssl.cert and options.ssl.key:
            told.cert, told.key = str(options.ssl.cert.absolute()), str(options.ssl.key.absolute())
    return config


def _password(variable: str) -> str:
    found = os.environ.get(variable)
    if not found:
        raise ConfigError(
            "The password of the metadata store isn't in the environment.",
            where="run.metadata.password_env",
            next_step=f"Set {variable}.",
        )
    return found


def _quoted(value: str) -> str:
    """A value as libpq reads it: ML Metadata puts it into one line of name=value, as it stands."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
