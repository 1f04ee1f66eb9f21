"""Records in Redis: a hash a user, exchanged by a script, since those run alone there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import redis.asyncio
from redis.exceptions import RedisError

from schemas.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_PREFIX: Final = "seqrank:user:"
_SECONDS: Final = 2.0  # to a connection, and to an answer
_PUT: Final = """
local now = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
if now ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'revision', now + 1)
return 1
"""


class RedisStore:
    """A server's database.

    Args:
        url: redis://, rediss:// or unix://.
        password: None: as the URL says.
    """

    def __init__(self, url: str, password: str | None = None) -> None:
        self._url = url.rpartition("@")[2]  # what is shown holds no password
        told: dict[str, Any] = {"password": password} if password else {}
        try:
            self._redis = redis.asyncio.Redis.from_url(
                url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, **told
            )
        except ValueError as error:
            raise ConfigError("This is no address of a Redis.", where=self._url, why=str(error)) from error
        self._put = self._redis.register_script(_PUT)

    async def get(self, key: str) -> tuple[bytes | None, int]:
        with self._worded():
            value, revision = await self._redis.hmget(_PREFIX + key, ["value", "revision"])
        return (value, int(revision)) if isinstance(value, bytes) and revision is not None else (None, 0)

    async def put(self, key: str, value: bytes, revision: int) -> bool:
        with self._worded():
            return bool(await self._put(keys=[_PREFIX + key], args=[value, revision]))

    async def delete(self, key: str) -> bool:
        with self._worded():
            return bool(await self._redis.delete(_PREFIX + key))

    async def keys(self) -> AsyncIterator[str]:
        with self._worded():
            async for key in self._redis.scan_iter(match=f"{_PREFIX}*", count=256):
                yield key.decode().removeprefix(_PREFIX)

    async def close(self) -> None:
        with self._worded():
            await self._redis.aclose()

    @contextlib.contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            raise StoreError(
                "The event store fails.", where=self._url, why=f"{type(error).__name__}: {error}"
            ) from error
