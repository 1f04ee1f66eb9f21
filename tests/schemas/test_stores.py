import sys
import threading
import time

import pytest

from schemas import stores
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "canonical", "scheme"),
    [
        ("minio://models/shop", "s3://models/shop", "s3"),
        ("s3://models/shop", "s3://models/shop", "s3"),
        ("gs://models/shop", "gs://models/shop", "gs"),
        ("runs/serving", "runs/serving", ""),
        ("/mnt/models", "/mnt/models", ""),
        ("file:///mnt/models", "file:///mnt/models", ""),
    ],
)
def test_minio_is_s3_and_anything_else_itself(url, canonical, scheme):
    assert (stores.canonical(url), stores.scheme(url)) == (canonical, scheme)


@pytest.mark.parametrize(
    ("url", "package", "by_beam", "extra"),
    [
        ("s3://models/shop", "s3fs", False, "s3"),
        ("minio://logs/*.csv", "boto3", True, "s3"),
        ("gs://models/shop", "gcsfs", False, "gcs"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch, url, package, by_beam, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError) as failed:
        stores.check(url, "pusher.target", by_beam=by_beam)
    assert failed.value.where == f"pusher.target: {url}"
    assert package in failed.value.what
    assert f"'.[{extra}]'" in failed.value.next_step


def test_an_unknown_scheme_is_refused_and_a_known_one_is_not():
    with pytest.raises(ConfigError, match="no way to write to nowhere://"):
        stores.check("nowhere://models", "pusher.target")
    for url in ("s3://models", "minio://models", "memory://models", "models"):
        stores.check(url, "pusher.target")


@pytest.mark.parametrize(
    ("environment", "endpoint", "region"),
    [
        ({}, None, None),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_DEFAULT_REGION": "x"}, "http://a", "x"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"}, "http://b", None),
        ({"AWS_REGION": "y", "AWS_DEFAULT_REGION": "x"}, None, "y"),
    ],
)
def test_endpoint_and_region_come_from_the_standard_variables(monkeypatch, environment, endpoint, region):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert stores.s3_environment() == {"endpoint_url": endpoint, "region_name": region}


def test_a_call_that_takes_too_long_is_given_up_and_any_other_answers():
    began, never = time.monotonic(), threading.Event()
    with pytest.raises(TimeoutError):
        stores.within(0.1, lambda: never.wait(30))
    never.set()
    assert time.monotonic() - began < 10
    assert stores.within(10, lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        stores.within(10, lambda: 1 / 0)


def test_what_stores_raise_is_known_though_it_is_no_oserror():
    from botocore.exceptions import EndpointConnectionError

    assert issubclass(EndpointConnectionError, stores.failures())
    assert not issubclass(ValueError, stores.failures())
