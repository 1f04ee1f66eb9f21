"""SQLite and Redis keep what they were told, and of two who write at once only one is let through."""

import asyncio
import shutil
import socket
import subprocess
import time

import pytest

from schemas.errors import ConfigError, StoreError
from serving.events.options import Options
from serving.events.stores import open_store

REDIS = shutil.which("redis-server")


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    """A real Redis, with a password."""
    if REDIS is None:
        pytest.skip("needs redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    told = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--requirepass", "pass"]
    server = subprocess.Popen([REDIS, *told], stdout=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(10)


@pytest.fixture(params=["memory", "sqlite", "redis"])
def options(request, tmp_path, monkeypatch):
    if request.param == "redis":
        monkeypatch.setenv("SEQRANK_REDIS_PASSWORD", "pass")
        return Options(store=request.getfixturevalue("redis_url"))
    return Options(store="memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/a/events.sqlite")


def with_store(options, work):
    async def run():
        store = open_store(options)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def test_a_value_comes_back_and_only_its_own_revision_replaces_it(options):
    async def work(store):
        assert await store.get("one") == (None, 0)
        assert await store.put("one", b"\x00a", 0)
        assert not await store.put("one", b"late", 0)
        value, revision = await store.get("one")
        assert value == b"\x00a"
        assert await store.put("one", b"b", revision)
        assert not await store.put("one", b"late", revision)
        assert (await store.get("one"))[0] == b"b"
        assert await store.delete("one")
        assert not await store.delete("one")
        assert not await store.put("one", b"after its end", revision + 1)
        assert await store.get("one") == (None, 0)

    with_store(options, work)


def test_of_many_who_write_at_once_each_is_let_through_once(options):
    async def count(store):
        while True:
            value, revision = await store.get("n")
            if await store.put("n", str(int(value or b"0") + 1).encode(), revision):
                return

    async def work(store):
        await asyncio.gather(*(count(store) for _ in range(20)))
        assert (await store.get("n"))[0] == b"20"
        await store.delete("n")

    with_store(options, work)


def test_all_keys_are_found(options):
    wanted = {f"user {n}" for n in range(600)}

    async def work(store):
        for key in wanted:
            await store.put(key, b"x", 0)
        assert {key async for key in store.keys()} == wanted  # noqa: SIM118
        for key in wanted:
            await store.delete(key)

    with_store(options, work)


def test_what_was_put_into_a_file_is_there_for_the_next_and_what_was_erased_is_in_no_file(tmp_path):
    options = Options(store=f"sqlite:///{tmp_path}/events.sqlite")

    async def put(store):
        await store.put("one", b"one's value", 0)
        await store.put("two", b"two's value", 0)

    async def erase(store):
        assert await store.get("one") == (b"one's value", 1)
        await store.delete("one")
        assert not any(b"one's value" in path.read_bytes() for path in tmp_path.iterdir())

    with_store(options, put)
    with_store(options, erase)


def test_a_redis_that_is_not_there_or_lets_nobody_in_is_a_store_error(redis_url, monkeypatch):
    monkeypatch.delenv("SEQRANK_REDIS_PASSWORD", raising=False)

    async def get(store):
        await store.get("one")

    with pytest.raises(StoreError, match="event store"):
        with_store(Options(store=redis_url), get)
    with pytest.raises(StoreError, match="event store"):
        with_store(Options(store="redis://127.0.0.1:1/0"), get)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(StoreError):
        with_store(Options(store=f"sqlite:///{tmp_path}"), None)
    with pytest.raises(ConfigError):
        open_store(Options(store="redis://localhost", password_file=str(tmp_path / "missing")))
