"""Files encrypted at rest. Each says of itself which key it needs, and where that was when it was written.

A line, `SEQRANK-ENCRYPTED-1` and JSON, then what AES-256-GCM (NIST SP 800-38D) makes of the content, then its tag of
16 bytes; the cryptography library does the work. Each file has a key and a nonce of its own, made from the secret and
the salt in its first line by HKDF-SHA256 (RFC 5869). The first line is authenticated along. One file may have 64 GiB,
GCM's own limit.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import tempfile
from typing import IO, TYPE_CHECKING, Any, Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import ConfigError, DataError
from schemas.keys import KeyOptions, key_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK: Final = b"SEQRANK-ENCRYPTED-1 "
_LONGEST: Final = 8192  # bytes of the first line
_CHUNK: Final = 1 << 20  # bytes at a time
_OF: Final = "encrypted files"
_SALT, _KEY, _NONCE, _TAG = 16, 32, 12, 16  # bytes


def id_of(options: KeyOptions | None) -> str:
    """What tells this key from others: 12 hexadecimal digits; "": there is none.

    Raises: ConfigError: it can't be read, or is too short.
    """
    return key_id(options.load(_OF)) if options else ""


def mark(options: KeyOptions | None, fingerprint: str) -> str:
    """A fingerprint with the key that the work's output is encrypted with, if any.

    Raises: ConfigError: the key can't be read.
    """
    return f"{fingerprint}-{id_of(options)}" if options else fingerprint


@contextlib.contextmanager
def written(target: IO[bytes], options: KeyOptions | None) -> Iterator[IO[bytes]]:
    """What to write to so that `target` holds it: encrypted where there is a key. A block that fails leaves no end.

    Raises: ConfigError: the key can't be read.
    """
    if options is None:
        yield target
        return
    writer = _Writer(target, options)
    yield cast("IO[bytes]", writer)
    writer.close()


class _Writer(io.RawIOBase):
    """A file to write to; `close` ends it with its tag, and leaves `target` open."""

    def __init__(self, target: IO[bytes], options: KeyOptions) -> None:
        super().__init__()
        secret, salt = options.load(_OF), os.urandom(_SALT)
        shown = base64.b64encode(salt).decode()
        told = {"key": options.model_dump(exclude_none=True), "id": key_id(secret), "salt": shown}
        first = _MARK + json.dumps(told).encode() + b"\n"
        self._target, self._made = target, 0
        self._encryptor = _cipher(secret, salt).encryptor()
        self._encryptor.authenticate_additional_data(first)
        target.write(first)

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._made

    def write(self, data: Any) -> int:
        with memoryview(data) as given, given.cast("B") as view:  # Arrow calls its bytes signed, which not all take
            self._target.write(self._encryptor.update(view))
            self._made += view.nbytes
            return view.nbytes

    def close(self) -> None:
        if not self.closed:
            self._target.write(self._encryptor.finalize() + self._encryptor.tag)
            super().close()

    def __del__(self) -> None:
        """A writer that was never closed was broken off: its file must not get an end."""


def is_encrypted(source: IO[bytes]) -> bool:
    """Whether a file is one of ours, encrypted; it is read from its beginning afterwards."""
    found = source.read(len(_MARK)) == _MARK
    source.seek(0)
    return found


def decrypt(source: IO[bytes], target: IO[bytes], where: str, key: KeyOptions | None = None) -> None:
    """Decrypts a file, a piece at a time.

    What is in `target` may be trusted once this returns, not before.

    Args:
        source: at its beginning.
        target: what is written to.
        where: the file's name, for the message.
        key: where its key is; None: where it was when the file was written.
    Raises: ConfigError: the key can't be read, or is another one. DataError: the file was changed, or breaks off.
    """
    first = source.readline(_LONGEST)
    try:
        told = json.loads(first.removeprefix(_MARK))
        options = key or KeyOptions.model_validate(told["key"])
        salt = base64.b64decode(told["salt"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("This encrypted file begins otherwise than ours do.", where=where, why=str(error)) from error
    secret = options.load(_OF)
    if key_id(secret) != told.get("id"):
        raise ConfigError(
            "The file was encrypted with another key.",
            where=where,
            why=f"It needs the key {told.get('id')}; {options.key_file or options.key_env} holds {key_id(secret)}.",
            next_step="Name the key that it was written with.",
        )
    decryptor = _cipher(secret, salt).decryptor()
    decryptor.authenticate_additional_data(first)
    held = b""
    while piece := source.read(_CHUNK):
        held += piece
        target.write(decryptor.update(held[:-_TAG]))
        held = held[-_TAG:]
    try:
        decryptor.finalize_with_tag(held)
    except (InvalidTag, ValueError) as error:
        raise DataError("The encrypted file was changed since it was written, or breaks off.", where=where) from error


@contextlib.contextmanager
def plain(source: IO[bytes], where: str, key: KeyOptions | None = None) -> Iterator[IO[bytes]]:
    """A file's content: itself, or, of an encrypted one, a copy without a name that goes with the block.

    Args, Raises: as `decrypt`.
    """
    if not is_encrypted(source):
        yield source
        return
    with tempfile.TemporaryFile() as copy:
        decrypt(source, copy, where, key)
        copy.seek(0)
        yield copy


def _cipher(secret: bytes, salt: bytes) -> Cipher[GCM]:
    made = HKDF(hashes.SHA256(), _KEY + _NONCE, salt, b"seqrank encrypted file").derive(secret)
    return Cipher(AES(made[:_KEY]), GCM(made[_KEY:]))
