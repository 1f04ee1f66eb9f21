"""Users by another name: HMAC-SHA256 (RFC 2104) of the id under a key that nothing here ever writes.

The same user has the same pseudonym under one key, so histories stay whole; without the key nobody can tell who it is,
nor try out ids. Another key makes everybody somebody else, so a key's own id, which says nothing of it, goes where the
cache looks.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import pathlib
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

REDACTED: Final = "[redacted]"
_LEAST: Final = 16  # bytes of a key
_LENGTH: Final = 32  # hexadecimal digits of a pseudonym: 128 bits


class PseudonymOptions(BaseModel):
    """Where the key is; one of the two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_file: Annotated[str | None, Field(min_length=1, description="file whose bytes are the key, 16 at least")] = None
    key_env: Annotated[
        str | None, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$", description="or the environment variable that holds it")
    ] = None

    @model_validator(mode="after")
    def _one(self) -> PseudonymOptions:
        if (self.key_file is None) == (self.key_env is None):
            raise ValueError("name either key_file or key_env")
        return self


class Pseudonyms:
    """One key.

    Args:
        key: at least 16 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def load(cls, options: PseudonymOptions) -> Pseudonyms:
        """Reads the key.

        Raises: ConfigError: it isn't there, or is too short; the message doesn't show it.
        """
        where = options.key_file or f"environment variable {options.key_env}"
        try:
            if options.key_file:
                key = pathlib.Path(options.key_file).read_bytes().strip()
            else:
                key = os.environ.get(options.key_env or "", "").encode()
        except OSError as error:
            raise ConfigError("The key of the pseudonyms can't be read.", where=where, why=str(error)) from error
        if len(key) < _LEAST:
            raise ConfigError(
                f"The key of the pseudonyms has {len(key)} bytes; {_LEAST} are needed at least.",
                where=where,
                next_step="Make one, and keep it apart from the data: head -c 32 /dev/urandom | base64",
            )
        return cls(key)

    @property
    def key_id(self) -> str:
        """What tells this key from others: 12 hexadecimal digits."""
        return hmac.new(self._key, b"seqrank: which key this is", hashlib.sha256).hexdigest()[:12]

    def of(self, user: str) -> str:
        """One user's: 32 hexadecimal digits."""
        return hmac.new(self._key, b"user:" + user.encode(), hashlib.sha256).hexdigest()[:_LENGTH]

    def replaced(self, users: pa.Array) -> pa.Array:
        """[n] string -> [n] string; each user is computed once."""
        import pyarrow as pa

        encoded = users.dictionary_encode()
        names: Sequence[str | None] = encoded.dictionary.to_pylist()
        return pa.array([None if name is None else self.of(name) for name in names], pa.string()).take(encoded.indices)

    def mark(self, fingerprint: str) -> str:
        """A fingerprint of data that are read under this key."""
        return f"{fingerprint}-{self.key_id}"
