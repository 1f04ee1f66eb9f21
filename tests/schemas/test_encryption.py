import contextlib
import io

import pyarrow as pa
import pytest

from schemas import encryption, models
from schemas.encryption import decrypt, id_of, is_encrypted, plain, written
from schemas.errors import ConfigError, DataError
from schemas.keys import KeyOptions

KEY = KeyOptions(key_env="OUR_KEY")


@pytest.fixture(autouse=True)
def key(monkeypatch, tmp_path):
    monkeypatch.setenv("OUR_KEY", "0123456789abcdef")
    (tmp_path / "other").write_text("fedcba9876543210")


def made(content, step=1000):
    target = io.BytesIO()
    with written(target, KEY) as writer:
        for at in range(0, len(content), step):
            assert writer.write(content[at : at + step]) == len(content[at : at + step])
    return target.getvalue()


def read(raw, key=None):
    target = io.BytesIO()
    decrypt(io.BytesIO(raw), target, "a file", key)
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, (1 << 20) - 16, (1 << 20) + 1, 3 << 20])
def test_what_was_written_comes_back(size):
    content = bytes(n % 251 for n in range(min(size, 5000))) * (size // 5000 + 1)
    content = content[:size]
    assert read(made(content, step=1 << 19)) == content


def test_arrows_buffers_are_taken():
    target = io.BytesIO()
    with written(target, KEY) as writer:
        assert writer.write(pa.py_buffer(b"from Arrow")) == len(b"from Arrow")
        pa.PythonFile(writer, mode="w").write(b", twice")
    assert read(target.getvalue()) == b"from Arrow, twice"


def test_a_file_shows_where_its_key_was_and_nothing_else():
    raw = made(b"a secret" * 10)
    assert is_encrypted(io.BytesIO(raw))
    assert b'"key_env": "OUR_KEY"' in raw
    assert b"secret" not in raw
    assert b"0123456789abcdef" not in raw
    assert raw != made(b"a secret" * 10)


def test_without_a_key_the_file_is_as_it_is():
    target = io.BytesIO()
    with written(target, None) as writer:
        writer.write(b"text")
    assert target.getvalue() == b"text"
    with plain(target, "a file") as same:
        assert same is target


def test_a_block_that_fails_leaves_a_file_that_nothing_reads():
    target = io.BytesIO()
    with contextlib.suppress(RuntimeError), written(target, KEY) as writer:
        writer.write(b"half")
        raise RuntimeError
    del writer
    with pytest.raises(DataError, match="breaks off"):
        read(target.getvalue())


@pytest.mark.parametrize("place", ["first line", "content", "tag", "end"])
def test_a_changed_file_is_refused(place):
    raw = made(b"content" * 100)
    if place == "first line":
        changed = raw.replace(b'"key_env": "OUR_KEY"', b'"key_env":  "OUR_KEY"')
    else:
        at = {"content": len(raw) - 100, "tag": len(raw) - 3, "end": len(raw) - 1}[place]
        changed = raw[:at] + (b"" if place == "end" else bytes([raw[at] ^ 1]) + raw[at + 1 :])
    with pytest.raises(DataError, match="changed since"):
        read(changed)


@pytest.mark.parametrize("first", [b"{}\n", b"[]\n", b"nothing", b'{"key": {}, "salt": "", "id": ""}\n'])
def test_another_first_line_is_refused(first):
    with pytest.raises(DataError, match="begins otherwise"):
        read(b"SEQRANK-ENCRYPTED-1 " + first)


def test_another_key_is_named_by_its_id_alone(tmp_path, monkeypatch):
    raw = made(b"content")
    assert read(raw, KEY) == b"content"
    with pytest.raises(ConfigError, match="another key") as caught:
        read(raw, KeyOptions(key_file=str(tmp_path / "other")))
    assert "fedcba" not in str(caught.value)
    monkeypatch.delenv("OUR_KEY")
    with pytest.raises(ConfigError, match="0 bytes"):
        read(raw)


def test_fingerprints_tell_keys_apart(tmp_path):
    other = KeyOptions(key_file=str(tmp_path / "other"))
    marks = {encryption.mark(options, "data") for options in (None, KEY, other)}
    assert len(marks) == 3
    assert "data" in marks
    assert id_of(KEY) in "".join(marks)


def test_a_model_is_opened_in_the_clear(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text("graph")
    with models.opened(str(folder)) as same:
        assert same == folder
    for name in ("saved_model.pb", "variables/index"):
        (folder / name).write_bytes(made(name.encode()))
    (folder / "manifest.json").write_text("{}")
    with models.opened(str(folder)) as copy:
        assert (copy / "saved_model.pb").read_text() == "saved_model.pb"
        assert (copy / "variables" / "index").read_text() == "variables/index"
        assert (copy / "manifest.json").read_text() == "{}"
        assert copy.stat().st_mode & 0o077 == 0
    assert not copy.exists()
