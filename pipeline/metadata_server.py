"""A database server as ML Metadata wants to be told of it; the password comes from the environment, and stays there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.metadata_options import MYSQL
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.metadata_options import MetadataOptions, TlsOptions


def where(options: MetadataOptions, *, only_look: bool = False) -> pb.ConnectionConfig:
    """Where a server's database is.

    Args:
        options: of kind mysql or postgresql.
        only_look: don't make a database that isn't there.
    Raises: ConfigError: the environment has no such password.
    """
    config = pb.ConnectionConfig()
    host, port = options.address
    if options.kind == MYSQL:
        mysql = config.mysql
        mysql.host, mysql.port, mysql.database, mysql.user = host, port, str(options.database), str(options.user)
        mysql.skip_db_creation = only_look
    else:
        postgresql = config.postgresql
        postgresql.host, postgresql.port = host, str(port)
        postgresql.dbname, postgresql.user = str(options.database), str(options.user)
        postgresql.skip_db_creation = only_look
    server = config.mysql if options.kind == MYSQL else config.postgresql
    if options.password_env:
        server.password = _password(options.password_env)
    if options.ssl:
        _encrypt(config, options.ssl)
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


def _encrypt(config: pb.ConnectionConfig, ssl: TlsOptions) -> None:
    paths = {name: str(path.absolute()) for name in ("ca", "cert", "key") if (path := getattr(ssl, name)) is not None}
    if config.WhichOneof("config") == MYSQL:
        told = config.mysql.ssl_options
        for name, path in paths.items():
            setattr(told, name, path)
        told.verify_server_cert = ssl.verify
        return
    option = config.postgresql.ssloption
    option.sslmode = "verify-full" if ssl.verify else "require"
    for name, path in paths.items():
        setattr(option, "sslrootcert" if name == "ca" else f"ssl{name}", path)
