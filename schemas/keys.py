"""Secret keys: where a configuration says that one is, and its bytes. Nothing here ever writes one."""

from __future__ import annotations

import hashlib
import hmac
import os
import pathlib
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.errors import ConfigError

_LEAST: Final = 16  # bytes of a key


class KeyOptions(BaseModel):
    """Where the key is; one of the two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_file: Annotated[str | None, Field(min_length=1, description="file whose bytes are the key, 16 at least")] = None
    key_env: Annotated[
        str | None, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$", description="or the environment variable that holds it")
    ] = None

    @model_validator(mode="after")
    def _one(self):
        if (self.key_file is None) == (self.key_env is None):
            raise ValueError("name either key_file or key_env")
        return self

    def load(self, of: str) -> bytes:
        """The key.

        Args:
            of: whose it is, for the message.
        Raises: ConfigError: it isn't there, or is too short; the message doesn't show it.
        """
        where = self.key_file or f"environment variable {self.key_env}"
        try:
            if self.key_file:
                key = pathlib.Path(self.key_file).read_bytes().strip()
            else:
                key = os.environ.get(self.key_env or "", "").encode()
        except OSError as error:
            raise ConfigError(f"The key of {of} can't be read.", where=where, why=str(error)) from error
        if len(key) < _LEAST:
            raise ConfigError(
                f"The key of {of} has {len(key)} bytes; {_LEAST} are needed at least.",
                where=where,
                next_step="See that it is there. A new one, kept apart from the data: head -c 32 /dev/urandom | base64",
            )
        return key


def key_id(key: bytes) -> str:
    """What tells a key from others, and says nothing of it: 12 hexadecimal digits."""
    return hmac.new(key, b"seqrank: which key this is", hashlib.sha256).hexdigest()[:12]
