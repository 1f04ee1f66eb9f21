"""Where ML Metadata keeps what is known of runs: a file in the output root, or a database server."""

from __future__ import annotations

import pathlib
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SQLITE, MYSQL, POSTGRESQL = "sqlite", "mysql", "postgresql"
_PORTS: Final = {MYSQL: 3306, POSTGRESQL: 5432}
_VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"


class TlsOptions(BaseModel):
    """How the connection to a database server is encrypted; there is no unencrypted one under this section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: Annotated[
        pathlib.Path | None, Field(description="file with the certificate of the authority that signed the server's")
    ] = None
    cert: Annotated[pathlib.Path | None, Field(description="file with our own certificate; null: none")] = None
    key: Annotated[pathlib.Path | None, Field(description="file with the key of cert, without a passphrase")] = None
    verify: Annotated[
        bool, Field(description="refuse a server whose certificate ca didn't sign, or that has another name")
    ] = True

    @model_validator(mode="after")
    def _whole(self) -> TlsOptions:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")
        if self.verify and self.ca is None:
            raise ValueError("verify needs ca, the authority's certificate")
        return self


class MetadataOptions(BaseModel):
    """The metadata store of local runs. On Kubeflow it is the cluster's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[
        Literal["sqlite", "mysql", "postgresql"],
        Field(description="sqlite (metadata.sqlite in the output root), mysql (MariaDB too) or postgresql"),
    ] = "sqlite"
    host: Annotated[str | None, Field(description="the database server's name or address", min_length=1)] = None
    port: Annotated[int | None, Field(description="null: 3306 of MySQL, 5432 of PostgreSQL", ge=1, le=65535)] = None
    database: Annotated[str | None, Field(description="its name; made where it isn't there", min_length=1)] = None
    user: Annotated[str | None, Field(description="who we are there", min_length=1)] = None
    password_env: Annotated[
        str | None,
        Field(description="environment variable that has the password; null: none is needed", pattern=_VARIABLE),
    ] = None
    ssl: Annotated[TlsOptions | None, Field(description="encryption; null: as the server and its library choose")] = None

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
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server."""
        return str(self.host), self.port or _PORTS[self.kind]

    @property
    def shared(self) -> bool:
        """Whether other output roots may keep theirs in the same store."""
        return self.kind != SQLITE
