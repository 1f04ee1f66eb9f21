"""The files that a bucket's sequences go to, through Beam's file systems."""

from __future__ import annotations

import contextlib
import functools
import posixpath
import struct
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import google_crc32c
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

_GZIP: Final = 16 + zlib.MAX_WBITS
_LEVEL: Final = 1  # of 9: sequences are written once and read some times; higher levels cost seconds for few bytes
_TEMPORARY: Final = ".temporary"


def name(bucket: int, buckets: int) -> str:
    """File name of a bucket, as TFX names them; in order of names the files hold users in order of their hash."""
    return f"data_tfrecord-{bucket:05d}-of-{buckets:05d}.gz"


@contextlib.contextmanager
def tfrecords(root: str, folder: str, file: str) -> Iterator[Callable[[Iterable[bytes]], None]]:
    """A compressed TFRecord file that appears whole or not at all, however often a worker has to try.

    Args:
        root: of the artifact.
        folder: below the root; it exists.
        file: name.
    Yields: a function that writes records.
    """
    temporary = posixpath.join(root, _TEMPORARY, uuid.uuid4().hex)
    # No time of writing goes into the header, so equal records make equal files.
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    with FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as out:
        yield lambda records: out.write(packer.compress(b"".join(map(_frame, records))))
        out.write(packer.flush())
    FileSystems.rename([temporary], [posixpath.join(root, folder, file)])


def _frame(record: bytes) -> bytes:
    return b"".join((_head(len(record)), record, struct.pack("<I", _crc(record))))


@functools.lru_cache(maxsize=1 << 12)  # a few lengths are those of nearly all records
def _head(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + struct.pack("<I", _crc(packed))


def _crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted by a constant, as the TFRecord format has it."""
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def make_folder(path: str) -> None:
    """Makes a folder where the file system has such a thing."""
    if not FileSystems.exists(path):
        FileSystems.mkdirs(path)


def write(path: str, content: bytes) -> None:
    """Writes a small file."""
    with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as out:
        out.write(content)


def remove_temporary(root: str) -> None:
    """Removes what killed attempts left."""
    folder = posixpath.join(root, _TEMPORARY)
    if FileSystems.exists(folder):
        FileSystems.delete([folder])
