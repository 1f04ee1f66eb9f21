import sys

import pytest

from pipeline import places
from pipeline.config import load
from pipeline.runners import local
from schemas.errors import ConfigError, PublishError


def config(tmp_path, *settings):
    return load(None, ["example_gen.data=[a.csv]", f"run.output_root={tmp_path / 'runs'}", *settings])


def test_folders_need_nothing(tmp_path):
    places.check(config(tmp_path))
    places.check(config(tmp_path, f"pusher.target={tmp_path / 'not yet'}"))


def test_a_missing_package_ends_a_run_before_it_begins(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigError, match="needs boto3"):
        local.run(config(tmp_path, "example_gen.data=[s3://logs/a.csv]"))
    assert not (tmp_path / "runs").exists()


def test_a_bucket_that_is_missing_ends_a_run_before_it_begins(tmp_path, s3):
    with pytest.raises(PublishError, match="bucket does not exist"):
        local.run(config(tmp_path, "pusher.target=minio://no-such-bucket/shop"))
    assert not (tmp_path / "runs").exists()
    places.check(config(tmp_path, f"pusher.target=minio://{s3.name}/shop"))
