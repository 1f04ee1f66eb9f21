"""Records as bytes, and where an event takes its place."""

import base64

import pytest

from schemas.errors import ConfigError, StoreError
from serving.events.records import Codec, Record, secret

SECRET = bytes(range(32))
RECORD = Record(("a", "ü"), (1, 2), ("e",), b"\n\x00state", "7:abc")


@pytest.mark.parametrize("codec", [Codec(), Codec(SECRET)], ids=["plain", "encrypted"])
def test_a_record_comes_back_as_it_was(codec):
    assert codec.decode("k", codec.encode("k", RECORD)) == RECORD


def test_encrypted_records_show_neither_items_nor_users():
    codec = Codec(SECRET)
    value = codec.encode(codec.key("user-1"), Record(("secret-item",), (1,)))
    assert b"secret-item" not in value
    assert "user-1" not in codec.key("user-1")
    assert codec.key("user-1") == Codec(SECRET).key("user-1") != Codec(SECRET[::-1]).key("user-1")


@pytest.mark.parametrize(
    "change", [lambda value: value[:-1], lambda value: value[:20] + b"x" + value[21:], lambda _: b""]
)
def test_changed_records_are_refused(change):
    codec = Codec(SECRET)
    with pytest.raises(StoreError, match="can't be read"):
        codec.decode("k", change(codec.encode("k", RECORD)))


def test_a_record_of_another_user_or_key_is_refused():
    value = Codec(SECRET).encode("k", RECORD)
    with pytest.raises(StoreError):
        Codec(SECRET).decode("other", value)
    with pytest.raises(StoreError):
        Codec(SECRET[::-1]).decode("k", value)


@pytest.mark.parametrize(
    ("times", "time", "place"),
    [((), 5, 0), ((1, 3), 4, 2), ((1, 3), 3, 2), ((1, 3), 2, 1), ((1, 3), 0, 2), ((0, 3), 2, 2)],
)
def test_an_event_takes_its_place_by_time(times, time, place):
    record, last = Record(tuple("x" * len(times)), times, state=b"s", model="m").add("new", time, None, 10)
    assert record.items.index("new") == place
    assert last == (place == len(times))
    assert (record.state, record.model) == (b"", "")


def test_only_the_newest_events_and_ids_stay():
    record = Record()
    for n in range(30):
        record, _ = record.add(f"i{n}", n + 1, f"e{n}", 3)
    assert record.items == ("i27", "i28", "i29")
    assert len(record.ids) == 17


def test_the_key_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("SEQRANK_EVENTS_KEY", raising=False)
    assert secret(None) is None
    (tmp_path / "key").write_bytes(base64.b64encode(SECRET) + b"\n")
    assert secret(str(tmp_path / "key")) == SECRET
    monkeypatch.setenv("SEQRANK_EVENTS_KEY", base64.b64encode(SECRET[::-1]).decode())
    assert secret(None) == SECRET[::-1]


@pytest.mark.parametrize("content", [b"", b"AAAA", b"?", b"\x01\x02\xff"])
def test_a_key_that_is_none_is_an_error_without_it(tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError):
        secret(str(tmp_path / "key"))
    with pytest.raises(ConfigError):
        secret(str(tmp_path / "missing"))
