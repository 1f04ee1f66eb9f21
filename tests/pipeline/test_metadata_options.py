"""A store is either a file or a server that can be reached."""

import pytest
from pydantic import ValidationError

from pipeline.config import load
from pipeline.metadata_options import MetadataOptions

SERVER = {"kind": "postgresql", "host": "db.example", "database": "seqrank", "user": "me"}


def test_without_a_word_it_is_a_file():
    assert not MetadataOptions().shared
    assert not load("configs/movielens-100k.yaml").run.metadata.shared


@pytest.mark.parametrize(("kind", "port"), [("postgresql", 5432), ("mysql", 3306)])
def test_a_server_has_its_kinds_port_unless_it_says_another(kind, port):
    assert MetadataOptions(**{**SERVER, "kind": kind}).address == ("db.example", port)
    assert MetadataOptions(**{**SERVER, "kind": kind, "port": 1}).address == ("db.example", 1)


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"host": "db.example"}, "host: only of a database server"),
        ({"kind": "mysql", "host": "db.example"}, "mysql needs database, user"),
        ({**SERVER, "password": "x"}, "password"),
        ({**SERVER, "password_env": "not a name"}, "password_env"),
        ({**SERVER, "database": "x; DROP TABLE y"}, "database"),
        ({**SERVER, "database": "Upper"}, "database"),
        ({**SERVER, "host": "a password=b"}, "host"),
        ({**SERVER, "port": 0}, "port"),
        ({**SERVER, "ssl": {}}, "has none; lead the connection through a tunnel"),
        ({**SERVER, "kind": "mysql", "ssl": {"cert": "a.pem"}}, "cert and key go together"),
        ({**SERVER, "kind": "oracle"}, "kind"),
    ],
)
def test_what_reaches_no_store_is_refused_with_its_reason(told, problem):
    with pytest.raises(ValidationError, match=problem):
        MetadataOptions(**told)


def test_a_person_is_shown_who_we_are_and_where_but_no_password():
    options = MetadataOptions(**SERVER, password_env="SECRET")
    assert options.shown == "postgresql://me@db.example:5432/seqrank"
    assert MetadataOptions().shown == ""
