"""Users by another name: HMAC-SHA256 (RFC 2104) of the id under a key that nothing here ever writes.

The same user has the same pseudonym under one key, so histories stay whole; without the key nobody can tell who it is,
nor try out ids. Another key makes everybody somebody else, so a key's own id, which says nothing of it, goes where the
cache looks.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from schemas.keys import KeyOptions, key_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

REDACTED: Final = "[redacted]"
_LENGTH: Final = 32  # hexadecimal digits of a pseudonym: 128 bits


class Pseudonyms:
    """One key.

    Args:
        key: at least 16 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def load(cls, options: KeyOptions) -> Pseudonyms:
        """Reads the key.

        Raises: ConfigError: it isn't there, or is too short; the message doesn't show it.
        """
        return cls(options.load("the pseudonyms"))

    @property
    def key_id(self) -> str:
        """What tells this key from others: 12 hexadecimal digits."""
        return key_id(self._key)

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
