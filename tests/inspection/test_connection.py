"""What can't be read says so, and within its limit."""

import socket
import sqlite3
import time

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from inspection.connection import connect, sqlite_store
from inspection.store import Store
from schemas.errors import StoreError


def test_a_folder_without_runs_is_no_store_and_is_not_made_one(tmp_path):
    with pytest.raises(StoreError, match="No run has been here yet"):
        connect(sqlite_store(tmp_path / "metadata.sqlite"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database at all, but some text that is long enough"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    (tmp_path / "metadata.sqlite").write_bytes(content)
    with pytest.raises(StoreError, match="no store of ML Metadata"):
        connect(sqlite_store(tmp_path / "metadata.sqlite"))


def test_a_locked_store_is_given_up_after_the_limit(made):
    path = made.root / "metadata.sqlite"
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(StoreError, match="in use"):
            connect(sqlite_store(path), limit=0.3)
        assert time.monotonic() - began < 5
        writer.execute("ROLLBACK")
    assert Store(sqlite_store(path)).runs()


def test_a_store_without_a_run_says_so(tmp_path):
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.sqlite")
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    connection = __import__("ml_metadata").MetadataStore(config)
    connection.get_context_types()
    store = Store(sqlite_store(tmp_path / "metadata.sqlite"))
    assert store.runs() == []
    with pytest.raises(StoreError, match="No run has been here yet"):
        store.run("latest")


def test_a_server_that_is_not_there_is_refused():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StoreError, match="No metadata store answers here"):
        connect(pb.MetadataStoreClientConfig(host="127.0.0.1", port=port), limit=1)


def test_a_server_that_says_nothing_is_given_up_after_the_limit():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(StoreError, match="can't be read"):
            connect(pb.MetadataStoreClientConfig(host="127.0.0.1", port=silent.getsockname()[1]), limit=1)
        assert time.monotonic() - began < 20
