"""Pseudonyms: the same for the same key and user, nothing of either in them."""

import hashlib
import hmac

import pyarrow as pa
import pytest

from schemas.errors import ConfigError
from schemas.pseudonyms import KeyOptions, Pseudonyms

KEY = b"0123456789abcdef"


def test_a_pseudonym_is_the_hmac_of_the_id():
    expected = hmac.new(KEY, b"user:ann", hashlib.sha256).hexdigest()[:32]
    assert Pseudonyms(KEY).of("ann") == expected
    assert Pseudonyms(KEY + b"x").of("ann") != expected


def test_columns_are_replaced_value_by_value():
    made = Pseudonyms(KEY).replaced(pa.array(["b", "a", "b", None]))
    assert made.to_pylist() == [Pseudonyms(KEY).of("b"), Pseudonyms(KEY).of("a"), Pseudonyms(KEY).of("b"), None]


def test_a_keys_own_id_is_another_for_another_key_and_marks_fingerprints():
    first, second = Pseudonyms(KEY), Pseudonyms(KEY + b"x")
    assert first.key_id != second.key_id
    assert first.mark("abc") == f"abc-{first.key_id}"
    assert KEY.decode() not in first.mark("abc")


def test_the_key_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    (tmp_path / "key").write_bytes(KEY + b"\n")
    monkeypatch.setenv("OUR_KEY", KEY.decode())
    by_file = Pseudonyms.load(KeyOptions(key_file=str(tmp_path / "key")))
    assert by_file.of("ann") == Pseudonyms.load(KeyOptions(key_env="OUR_KEY")).of("ann") == Pseudonyms(KEY).of("ann")


def test_a_key_that_is_missing_or_short_is_an_error_that_does_not_show_it(tmp_path, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "short")
    monkeypatch.delenv("NO_KEY", raising=False)
    for told in ({"key_env": "OUR_KEY"}, {"key_env": "NO_KEY"}, {"key_file": str(tmp_path / "missing")}):
        with pytest.raises(ConfigError) as error:
            Pseudonyms.load(KeyOptions(**told))
        assert "short" not in str(error.value).replace("too short", "")


@pytest.mark.parametrize("told", [{}, {"key_file": "a", "key_env": "b"}])
def test_one_place_is_named(told):
    with pytest.raises(ValueError, match="either"):
        KeyOptions(**told)
