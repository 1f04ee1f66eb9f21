"""Where ML Metadata keeps what is known of runs: a file in the output root, or a database server."""

from __future__ import annotations

import pathlib
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SQLITE, MYSQL, POSTGRESQL = "sqlite", "mysql", "postgresql"
_PORTS: Final = {MYSQL: 3306, POSTGRESQL: 5432}
# ML Metadata puts both into its SQL and its connection line as they stand.
_HOST: Final = r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$"
_DATABASE: Final = r"^[a-z_][a-z0-9_]{0,62}$"
_VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"


class TlsOptions(BaseModel):
    """An encrypted connection to MySQL or MariaDB; whose server it is, ML Metadata's client can't tell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert: Annotated[pathlib.Path | None, Field(description="file with our own certificate; null: none")] = None
    key: Annotated[pathlib.Path | None, Field(description="file with the key of cert, without a passphrase")] = None

    @model_validator(mode="after")
    def _whole(self) -> TlsOptions:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")
        return self


class MetadataOptions(BaseModel):
    """The metadata store of local runs. On Kubeflow it is the cluster's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[
        Literal["sqlite", "mysql", "postgresql"],
        Field(description="sqlite (metadata.sqlite in the output root), mysql (MariaDB too) or postgresql"),
    ] = "sqlite"
    host: Annotated[str | None, Field(description="the database server's name or address", pattern=_HOST)] = None
    port: Annotated[int | None, Field(description="null: 3306 of MySQL, 5432 of PostgreSQL", ge=1, le=65535)] = None
    database: Annotated[
        str | None,
        Field(description="its name, of small letters, digits and _; made where it isn't there", pattern=_DATABASE),
    ] = None
    user: Annotated[str | None, Field(description="who we are there", min_length=1)] = None
    password_env: Annotated[
        str | None,
        Field(description="environment variable that has the password; null: none is needed", pattern=_VARIABLE),
    ] = None
    ssl: Annotated[
        TlsOptions | None,
        Field(description="encryption, which only mysql has; {} without a certificate of our own; null: none"),
    ] = None

    @model_validator(mode="after")
    def _whole(self) -> MetadataOptions:
        """Refuses a server without what reaches it, and a file with what only a server has."""
        server = {name: getattr(self, name) for name in type(self).model_fields if name != "kind"}
        if self.kind == SQLITE:
            told = [name for name, value in server.items() if value is not None]
            if told:
                raise ValueError(f"{', '.join(told)}: only of a database server; set kind: mysql or postgresql")
            return self
        missing = [name for name in ("host", "database", "user") if server[name] is None]
        if missing:
            raise ValueError(f"{self.kind} needs {', '.join(missing)}")
        if self.kind == POSTGRESQL and self.ssl is not None:
            raise ValueError("ssl: ML Metadata's client for PostgreSQL has none; lead the connection through a tunnel")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server."""
        return str(self.host), self.port or _PORTS[self.kind]

    @property
    def shared(self) -> bool:
        """Whether other output roots may keep theirs in the same store."""
        return self.kind != SQLITE

    @property
    def shown(self) -> str:
        """Where a server's database is, for a person; "" of a file."""
        host, port = self.address if self.shared else ("", 0)
        return f"{self.kind}://{self.user}@{host}:{port}/{self.database}" if self.shared else ""
