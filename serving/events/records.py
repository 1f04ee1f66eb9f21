"""What is kept of one user, as bytes, encrypted where there is a key.

A record is a line of JSON and the state behind it. Encrypted it is AES-256-GCM (NIST SP 800-38D) by the cryptography
library: a nonce of 12 random bytes, then what it makes; the user's key is authenticated along, so that records can't be
exchanged. Then users' names are replaced by their HMAC-SHA256, too.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import dataclasses
import hashlib
import hmac
import json
import os
import pathlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.errors import ConfigError, StoreError

KEY_VARIABLE: Final = "SEQRANK_EVENTS_KEY"
_KEY_BYTES: Final = 32
_NONCE: Final = 12
_REMEMBERED: Final = 17  # event ids that are known again


@dataclasses.dataclass(frozen=True)
class Record:
    """One user.

    Args:
        items: ids of the events that are kept, in the order of their times; those of one time as they came.
        times: beside them, milliseconds, 0: unknown.
        ids: event ids of the newest that brought one.
        state: float32 after the last event; b"": none, or one that no longer holds.
        model: identity of the model whose state it is; "": no state.
    """

    items: tuple[str, ...] = ()
    times: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()
    state: bytes = b""
    model: str = ""

    def add(self, item: str, time: int, event_id: str | None, keep: int) -> tuple[Record, bool]:
        """With one event more and without a state.

        Args:
            item, time, event_id: the event; time 0: unknown, it comes last.
            keep: newest events that stay.
        Returns: the record, and whether the event came last.
        """
        at = len(self.items)
        if time:
            at = bisect.bisect_right(self.times, time) if _ordered(self.times) else at
        items = (*self.items[:at], item, *self.items[at:])[-keep:]
        times = (*self.times[:at], time, *self.times[at:])[-keep:]
        ids = (*self.ids, *([event_id] if event_id else []))[-_REMEMBERED:]
        return Record(items, times, ids), at == len(self.items)

    def with_state(self, state: bytes, model: str) -> Record:
        """The same events after which a model has a state."""
        return dataclasses.replace(self, state=state, model=model)


def _ordered(times: tuple[int, ...]) -> bool:
    """Whether a place can be found by time; it can't among unknown ones."""
    return 0 not in times


class Codec:
    """Records as bytes, and users as keys of a store.

    Args:
        secret: 32 bytes; None: nothing is encrypted.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._cipher = AESGCM(_derived(secret, b"records")) if secret else None
        self._names = _derived(secret, b"users") if secret else None

    def key(self, user: str) -> str:
        """What a user is called in the store."""
        if self._names is None:
            return user
        return hmac.new(self._names, user.encode(), hashlib.sha256).hexdigest()

    def encode(self, key: str, record: Record) -> bytes:
        """A record of the user whom the store knows as `key`."""
        head = {"items": record.items, "times": record.times, "ids": record.ids, "model": record.model}
        plain = json.dumps(head, separators=(",", ":")).encode() + b"\n" + record.state
        if self._cipher is None:
            return plain
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, key.encode())

    def decode(self, key: str, value: bytes) -> Record:
        """The record.

        Raises: StoreError: it was encrypted with another key, or isn't one of ours.
        """
        try:
            plain = value
            if self._cipher is not None:
                plain = self._cipher.decrypt(value[:_NONCE], value[_NONCE:], key.encode())
            line, _, state = plain.partition(b"\n")
            head = json.loads(line)
            return Record(
                tuple(head["items"]), tuple(head["times"]), tuple(head["ids"]), state=state, model=head["model"]
            )
        except (InvalidTag, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                "What is kept of a user can't be read.",
                why="It was written with another key, or by something else." if self._cipher else str(error),
                next_step="See that serving.events.key_file is the one that the store was begun with.",
            ) from error


def secret(key_file: str | None) -> bytes | None:
    """The key of the file, or of the environment; None: there is neither.

    Raises: ConfigError: it can't be read, or isn't 32 bytes in base64.
    """
    where = key_file or KEY_VARIABLE
    try:
        text = pathlib.Path(key_file).read_text(encoding="ascii") if key_file else os.environ.get(KEY_VARIABLE, "")
        if not text and not key_file:
            return None
        made = base64.b64decode(text.strip(), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise ConfigError("The key of the event store can't be read.", where=where, why=str(error)) from error
    if len(made) != _KEY_BYTES:
        raise ConfigError(
            f"The key of the event store has {len(made)} bytes, not {_KEY_BYTES}.",
            where=where,
            next_step="Make one with: head -c 32 /dev/urandom | base64",
        )
    return made


def _derived(key: bytes, purpose: bytes) -> bytes:
    """One key for each purpose, from one secret."""
    return hmac.new(key, b"seqrank events: " + purpose, hashlib.sha256).digest()
