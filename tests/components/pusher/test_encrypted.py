"""Models that are published encrypted."""

import pytest

from components.pusher.encrypted import prepared
from components.pusher.publish import push
from components.pusher.versions import published_versions
from schemas import models
from schemas.digest import directory_digest
from schemas.encryption import id_of
from schemas.errors import ConfigError, PublishError
from schemas.keys import KeyOptions
from schemas.runs import Manifest

KEY = KeyOptions(key_env="OUR_KEY")
FILES = {"saved_model.pb": "the graph", "variables/variables.index": "weights", "assets.extra/empty": ""}


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "0123456789abcdef")
    for name, text in FILES.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(tmp_path / "model")


def publish(source, target, key):
    told = {"model": "shop", "version": 0, "published_at": "", "metrics": {}, "data": [], "code_version": ""}
    manifest = Manifest(**told, evaluation="", digest=directory_digest(source), encryption=id_of(key))
    with prepared(source, manifest.digest, key) as (files, digest):
        return push(files, target, manifest, digest=digest)


@pytest.mark.parametrize("store", ["local", "memory"])
def test_nothing_of_the_model_is_readable_at_the_target(source, tmp_path, store):
    target = str(tmp_path / "serving") if store == "local" else f"memory://{tmp_path}/serving"
    done = publish(source, target, KEY)
    (published,) = published_versions(target)
    assert done.new
    assert published.manifest.encryption == id_of(KEY)
    assert published.manifest.digest == directory_digest(source)
    if store == "local":
        files = [path.read_bytes() for path in (tmp_path / "serving").rglob("*") if path.is_file()]
        assert not [raw for raw in files if b"graph" in raw or b"weights" in raw]
    with models.opened(published.path) as folder:
        assert {name: (folder / name).read_text() for name in FILES} == FILES


def test_a_model_that_lay_there_in_the_clear_is_published_again(source, tmp_path):
    target = str(tmp_path / "serving")
    assert publish(source, target, None).new
    assert publish(source, target, KEY).new
    assert not publish(source, target, KEY).new
    (tmp_path / "key").write_text("fedcba9876543210")
    assert publish(source, target, KeyOptions(key_file=str(tmp_path / "key"))).new


def test_a_model_that_changes_meanwhile_is_not_published(source):
    with pytest.raises(PublishError, match="changed while it was encrypted"), prepared(source, "0" * 64, KEY):
        pass


def test_without_its_key_nothing_is_published(source, tmp_path, monkeypatch):
    monkeypatch.delenv("OUR_KEY")
    with pytest.raises(ConfigError, match="key of encrypted files"):
        publish(source, str(tmp_path / "serving"), KEY)
    assert not (tmp_path / "serving").exists()
