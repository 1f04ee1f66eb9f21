"""What ML Metadata is told of a server; the password comes from the environment alone."""

import pytest

from pipeline import metadata_server
from pipeline.metadata_options import MetadataOptions
from schemas.errors import ConfigError

SERVER = {"host": "db.example", "database": "seqrank", "user": "me", "password_env": "SEQRANK_TEST_PASSWORD"}


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("SEQRANK_TEST_PASSWORD", "it's a\\b")


def test_mysql_is_told_each_value_as_it_is():
    told = metadata_server.where(MetadataOptions(kind="mysql", **SERVER)).mysql
    assert (told.host, told.port, told.database, told.user) == ("db.example", 3306, "seqrank", "me")
    assert told.password == "it's a\\b"
    assert not told.HasField("ssl_options")


def test_postgresql_is_told_a_password_quoted_since_ml_metadata_puts_it_into_one_line_with_others():
    told = metadata_server.where(MetadataOptions(kind="postgresql", **SERVER)).postgresql
    assert (told.host, told.port, told.dbname) == ("db.example", "5432", "seqrank")
    assert told.user == "'me'"
    assert told.password == "'it\\'s a\\\\b'"


def test_who_only_looks_makes_no_database():
    for kind in ("mysql", "postgresql"):
        options = MetadataOptions(kind=kind, **SERVER)
        assert not getattr(metadata_server.where(options), kind).skip_db_creation
        assert getattr(metadata_server.where(options, only_look=True), kind).skip_db_creation


def test_localhost_is_an_address_since_mysqls_client_would_look_for_a_socket():
    assert (
        metadata_server.where(MetadataOptions(kind="mysql", **{**SERVER, "host": "localhost"})).mysql.host
        == "127.0.0.1"
    )


def test_encryption_is_asked_for_with_or_without_a_certificate_of_ours(tmp_path):
    told = metadata_server.where(MetadataOptions(kind="mysql", ssl={}, **SERVER)).mysql
    assert told.HasField("ssl_options")
    assert told.ssl_options.HasField("verify_server_cert")  # else it would stay off
    ssl = {"cert": tmp_path / "c.pem", "key": tmp_path / "k.pem"}
    told = metadata_server.where(MetadataOptions(kind="mysql", ssl=ssl, **SERVER)).mysql.ssl_options
    assert (told.cert, told.key) == (str(tmp_path / "c.pem"), str(tmp_path / "k.pem"))


@pytest.mark.parametrize("value", [None, ""])
def test_a_password_that_is_not_in_the_environment_is_asked_for_by_name(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("SEQRANK_TEST_PASSWORD")
    else:
        monkeypatch.setenv("SEQRANK_TEST_PASSWORD", value)
    with pytest.raises(ConfigError, match="Set SEQRANK_TEST_PASSWORD"):
        metadata_server.where(MetadataOptions(kind="mysql", **SERVER))


def test_without_a_variable_no_password_is_sent(monkeypatch):
    told = metadata_server.where(MetadataOptions(kind="mysql", **{**SERVER, "password_env": None}))
    assert told.mysql.password == ""
