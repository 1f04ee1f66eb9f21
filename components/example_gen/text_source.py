"""A file's bytes as valid UTF-8, counted by lines, for Arrow's CSV reader.

Arrow's handler of wrong column counts fails on bytes that it can't decode, and its reader says nothing when a quote
that never closes swallows the rest of a file. So bytes that aren't UTF-8 are replaced here by a mark and their hex
digits before Arrow sees them, and lines are counted, for the reader to compare. Zero bytes are marked like them: for
Arrow's search for delimiters a block of a few bytes ends at one, and what stands behind it is overlooked.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from components.example_gen import object_store

if TYPE_CHECKING:
    from typing_extensions import Buffer

MARK = "\U0010fffe"  # stands before the two hex digits of a byte that is no text; in no text (a noncharacter)
_HANDLER = "seqrank_mark"
_PIECE = 1 << 13  # bytes that are lost, at most, where a source breaks off


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"{MARK}{byte:02x}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_HANDLER, _mark)


def open_bytes(name: str) -> BinaryIO:
    """Opens a file on any of Beam's file systems; .gz is decompressed.

    By Arrow and not by Beam, which takes a cut-off .gz for a complete one (both stacks).
    """
    handle = object_store.open_bytes(name)
    return pa.CompressedInputStream(pa.PythonFile(handle, "r"), "gzip") if name.endswith(".gz") else handle


class TextSource:
    """A readable file object over `source`.

    Attributes:
        lines: line ends read so far (\\n, \\r\\n or \\r).
        unfinished: the last line read so far has no line end yet.
        quotes: how often the quote character occurred.
        marked: a byte that is no text occurred.
        failed: the source broke off; `rest` is then what the last call had read of it, and `lines` counts its lines.
    """

    def __init__(self, source: BinaryIO, quote: str = '"') -> None:
        self._source, self._quote = source, quote.encode()
        self._decoder = codecs.getincrementaldecoder("utf-8")(_HANDLER)
        self._plain = True  # the decoder holds no half of a character
        self.rest = b""
        self._last = b""
        self.lines, self.quotes, self.marked, self.failed, self.closed = 0, 0, False, False, False

    @property
    def unfinished(self) -> bool:
        return self._last not in (b"", b"\n", b"\r")

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer only at the end (Arrow takes a short answer for a block with too long a row).

        One less where the last would be a \\r.
        """
        parts, there, ended = [self.rest], len(self.rest), False
        try:
            while not ended and (size < 0 or there < size):
                chunk = self._source.read(_PIECE if size < 0 else min(_PIECE, size - there))
                ended = not chunk
                parts.append(self._clean(chunk))
                there += len(parts[-1])
        except (OSError, EOFError):
            self.failed, self.rest = True, b"".join(parts)
            self._count(self.rest)
            raise
        whole = b"".join(parts)
        end = len(whole) if size < 0 else size
        if not ended and end > 1 and whole[end - 1 : end] == b"\r":
            end -= 1  # behind it Arrow would take a \n away, even inside quotes
        out, self.rest = whole[:end], whole[end:]
        self._count(out)
        return out

    def _clean(self, chunk: Buffer) -> bytes:
        chunk = bytes(chunk)
        if self._plain and chunk.isascii() and b"\0" not in chunk:
            return chunk
        text = self._decoder.decode(chunk, final=not chunk).replace("\0", f"{MARK}00")
        self._plain = not self._decoder.getstate()[0]
        self.marked = self.marked or MARK in text
        return text.encode()

    def _count(self, out: bytes) -> None:
        self.lines += out.count(b"\n")
        if b"\r" in out:
            self.lines += out.count(b"\r") - out.count(b"\r\n")
        if self._last == b"\r" and out.startswith(b"\n"):  # one line end, cut in two by the chunks
            self.lines -= 1
        self._last = out[-1:] or self._last
        self.quotes += out.count(self._quote) if self._quote else 0

    def close(self) -> None:
        """Closes the file below."""
        self.closed = True
        self._source.close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def writable(self) -> bool:
        return False


def as_text(column: pa.Array) -> pa.Array:
    """A binary column as strings, undecodable bytes marked as TextSource marks them.

    A failing cast doesn't say which row it was, so halves of the column are tried until single rows are left.
    """
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        if len(column) == 1:
            return pa.array([bytes(column[0].as_py()).decode("utf-8", _HANDLER)])
        half = len(column) // 2
        return pa.concat_arrays([as_text(column[:half]), as_text(column[half:])])
