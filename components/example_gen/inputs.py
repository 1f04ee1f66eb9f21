"""Which files there are, and a fingerprint by which the cache sees that their content changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import re
from typing import TYPE_CHECKING

from components.example_gen import object_store, spans
from schemas import encryption
from schemas.errors import DataError
from schemas.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Mapping, Sequence

    from components.example_gen.options import Options, Readable
    from components.example_gen.table_options import UserTableOptions
    from schemas.forgotten import Forgotten

_log = logging.getLogger(__name__)
_CHUNK = 4 << 20
_SUFFIXES = re.compile(r"(\.(csv|tsv|txt|parquet|pq))?(\.gz)?$", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class InputFile:
    """One file of the input.

    Args:
        name: as the glob found it.
        size: bytes, as stored.
        modified: seconds since 1970 of its last change; 0 where the file system doesn't say.
        tag: what an object store calls its content by (ETag); "" elsewhere.
        span: which part of the log it is; None: the log isn't read by span.
    """

    name: str
    size: int
    modified: float = 0.0
    tag: str = ""
    span: int | None = None


def stream(name: str) -> str:
    """A file's name without folder and suffixes: who its events are of, where the log names no user."""
    base = os.path.basename(name)
    return _SUFFIXES.sub("", base) or base


def find(options: Readable) -> list[InputFile]:
    """Files that the configuration's globs match, each once, in order of name; by span, those of the newest alone.

    Called before a local run, and in the step that reads on a cluster: there the newest span is told at run time.

    Raises: DataError: a glob matches nothing, or a file has no bytes; or with spans a name whose date is none.
    """
    found = {file.name: file for pattern in options.data for file in _match(pattern, options.key)}
    if options.spans is not None:
        found = _newest(found, options.spans)
    for file in found.values():
        if file.size == 0:
            raise DataError(
                "the file is empty (0 bytes).",
                where=file.name,
                next_step=f"write it anew, or leave it out of {options.key}.data.",
            )
    return [found[name] for name in sorted(found)]


def _newest(found: Mapping[str, InputFile], told: spans.Spans) -> dict[str, InputFile]:
    """Those of the newest spans."""
    numbers = {file.span for file in found.values() if file.span is not None}
    kept = spans.newest(numbers, told.window)
    _log.info("Spans read: %s (of %d that are there)", spans.shown(kept), len(numbers))
    return {name: file for name, file in found.items() if file.span in kept}


def _match(pattern: str, key: str) -> list[InputFile]:
    """Files that a pattern matches; of one by span, those whose names say a span."""
    glob = spans.as_glob(pattern) if spans.by_span(pattern) else pattern
    here = "" if "/" in re.split(r"[*?\[]", glob, maxsplit=1)[0] else "./"  # Beam finds no '*.csv'
    try:
        matched = object_store.match(here + glob)
    except (ValueError, OSError) as error:
        raise DataError(
            f"can't look for '{pattern}'.",
            where=f"{key}.data",
            why=str(error),
            next_step="see that the path is right and that this user may read it. Of an object store, endpoint and "
            "keys come from the environment (docs/kubeflow.md).",
        ) from error
    files = [
        InputFile(m.path.removeprefix(here), m.size_in_bytes, m.last_updated_in_seconds or 0.0, tag)
        for m, tag in matched
        if not os.path.isdir(m.path)
    ]
    if spans.by_span(pattern):
        files = [dataclasses.replace(file, span=span) for file in files if (span := _span(pattern, file)) is not None]
    if not files:
        raise DataError(
            f"no file matches '{pattern}'.",
            where=f"{key}.data",
            why=f"looked from {os.getcwd()}.",
            next_step="see that the path is right, or name another: seqrank run --data FILE.",
        )
    return files


def _span(pattern: str, file: InputFile) -> int | None:
    try:
        span = spans.number(pattern, file.name)
    except ValueError as error:
        raise DataError(
            "the file's name holds no date.",
            where=file.name,
            why=f"{pattern}: {error}.",
            next_step="rename the file, or move it away.",
        ) from error
    if span is None:
        _log.info("%s is left out: no span stands where %s has one", file.name, pattern)
    return span


def digest(name: str) -> str:
    """SHA-256 of a file's bytes as stored, in hex.

    Raises: DataError: it can't be read to its end.
    """
    total = hashlib.sha256()
    try:
        with object_store.open_bytes(name) as handle:
            while chunk := handle.read(_CHUNK):
                total.update(chunk)
    except OSError as error:
        raise DataError(
            "the file can't be read.", where=name, why=str(error), next_step="see that it is there, and run again."
        ) from error
    return total.hexdigest()


def fingerprint(files: Sequence[InputFile], index: pathlib.Path | None = None) -> str:
    """A digest over name, size and SHA-256 of each file, and its span.

    Folders aren't part of it, nor are times: a `touch`, a copy or a fresh clone changes nothing.

    Args:
        files: what `find` found.
        index: JSON file that keeps the hashes by name, size, time of change and tag, so that an unchanged file isn't
            read again; made where it is missing. None: read all files.
    Returns: 64 hex digits.
    Raises: DataError: a file can't be read.
    """
    known = _load(index)
    hashes = {file.name: known.get(_key(file)) or digest(file.name) for file in files}
    if index is not None:
        known.update({_key(file): hashes[file.name] for file in files})
        _save(known, index)
    return combined((file.name, file.size, hashes[file.name], file.span) for file in files)


def combined(files: Iterable[tuple[str, int, str, int | None]]) -> str:
    """`fingerprint` of files whose name, size, SHA-256 and span are known."""
    lines = sorted(
        f"{os.path.basename(name)}\t{size}\t{sha256}{_of_span(span)}\n" for name, size, sha256, span in files
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def marked(found: str, options: Options | UserTableOptions, forgotten: Forgotten) -> str:
    """A fingerprint with whom the data are read as, without whom, and with what key: all change what comes out.

    Raises: ConfigError: a key can't be read.
    """
    found = Pseudonyms.load(options.pseudonyms).mark(found) if options.pseudonyms else found
    return encryption.mark(options.encryption, forgotten.mark(found))


def _of_span(span: int | None) -> str:
    """A span may stand in a folder's name alone."""
    return "" if span is None else f"\t{span}"


def _key(file: InputFile) -> str:
    return "\t".join([file.name, str(file.size), repr(file.modified), *([file.tag] if file.tag else [])])


def _load(index: pathlib.Path | None) -> dict[str, str]:
    try:
        return dict(json.loads(index.read_text(encoding="utf-8"))) if index is not None else {}
    except (OSError, ValueError):  # missing, or cut off by a killed run: it only saves time
        return {}


def _save(known: dict[str, str], index: pathlib.Path) -> None:
    index.parent.mkdir(parents=True, exist_ok=True)
    part = index.with_name(f"{index.name}.{os.getpid()}")
    part.write_text(json.dumps(known, indent=0, sort_keys=True), encoding="utf-8")
    part.replace(index)
