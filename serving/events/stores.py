"""Where records are kept: a value a user, exchanged only if nobody else did in between.

A store is told the revision that it was asked for; so several servers can share one, and no event is lost between
them. Revision 0 is that of a user who isn't there.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import pathlib
import sqlite3
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from schemas.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from serving.events.options import Options

PASSWORD_VARIABLE: Final = "SEQRANK_REDIS_PASSWORD"
MEMORY: Final = "memory:"
_CHUNK: Final = 256  # keys at a time
T = TypeVar("T")


class Store(Protocol):
    """All raise StoreError where the store fails."""

    async def get(self, key: str) -> tuple[bytes | None, int]:
        """The value and its revision; None and 0: there is none."""

    async def put(self, key: str, value: bytes, revision: int) -> bool:
        """Writes, if the revision is still this one. Returns: whether it was."""

    async def delete(self, key: str) -> bool:
        """Forgets a user. Returns: whether there was anything."""

    def keys(self) -> AsyncIterator[str]:
        """All keys, in no order; one that comes or goes meanwhile may be among them or not."""

    async def close(self) -> None:
        """Writes what is left and lets go."""


def open_store(options: Options) -> Store:
    """The store that a configuration names.

    Raises: ConfigError: its password can't be read. StoreError: the file can't be opened.
    """
    place, file = options.store or MEMORY, file_of(options)
    if file is not None:
        return SqliteStore(file)
    if place == MEMORY:
        return SqliteStore(":memory:")
    from serving.events.redis_store import RedisStore

    return RedisStore(place, _password(options.password_file))


def file_of(options: Options) -> str | None:
    """Path of SQLite's file; None: the store is none."""
    scheme, _, rest = (options.store or MEMORY).partition("://")
    return rest.removeprefix("/") if scheme == "sqlite" else None


def _password(file: str | None) -> str | None:
    if file is None:
        return os.environ.get(PASSWORD_VARIABLE) or None
    try:
        return pathlib.Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("Redis' password can't be read.", where=file, why=str(error)) from error


class SqliteStore:
    """One file, or memory. What was answered is in the file, also after a kill -9.

    Args:
        path: of the file; its folder is made.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "events")  # SQLite writes one at a time anyhow
        with self._worded():
            if path != ":memory:":
                pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
            for setting in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):  # what is erased is gone
                self._db.execute(f"PRAGMA {setting}")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS users "
                "(key TEXT PRIMARY KEY, revision INTEGER NOT NULL, value BLOB NOT NULL)"
            )

    async def get(self, key: str) -> tuple[bytes | None, int]:
        rows = await self._in_thread(self._rows, "SELECT value, revision FROM users WHERE key = ?", key)
        return rows[0] if rows else (None, 0)

    async def put(self, key: str, value: bytes, revision: int) -> bool:
        if revision == 0:
            insert = "INSERT INTO users VALUES (?, 1, ?) ON CONFLICT (key) DO NOTHING"
            return await self._in_thread(self._changed, insert, key, value)
        update = "UPDATE users SET value = ?, revision = revision + 1 WHERE key = ? AND revision = ?"
        return await self._in_thread(self._changed, update, value, key, revision)

    async def delete(self, key: str) -> bool:
        there = await self._in_thread(self._changed, "DELETE FROM users WHERE key = ?", key)
        await self._in_thread(self._rows, "PRAGMA wal_checkpoint(TRUNCATE)")  # out of the log as well
        return there

    async def keys(self) -> AsyncIterator[str]:
        last = ""
        while True:
            query = f"SELECT key FROM users WHERE key > ? ORDER BY key LIMIT {_CHUNK}"
            found = await self._in_thread(self._rows, query, last)
            for (key,) in found:
                yield key
            if len(found) < _CHUNK:
                return
            last = found[-1][0]

    async def close(self) -> None:
        await self._in_thread(self._db.close)
        self._thread.shutdown()

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        return self._db.execute(statement, values).fetchall()

    def _changed(self, statement: str, *values: Any) -> bool:
        return self._db.execute(statement, values).rowcount > 0

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        with self._worded():
            return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    @contextlib.contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError("The event store fails.", where=self._path, why=str(error)) from error
