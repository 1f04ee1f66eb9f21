"""Publishing to a real S3 server (moto's), over connections that break."""

import concurrent.futures
import logging
import time

import pytest
import requests

from components.pusher import upload
from components.pusher.publish import push, remove, sweep
from components.pusher.versions import Target, published_at, published_versions, reachable
from pipeline.latest_blessed import latest_blessed
from schemas import stores
from schemas.digest import directory_digest
from schemas.errors import PublishError
from schemas.runs import MANIFEST_FILE, Manifest

MARKER = r"PUT \S*/saved_model\.pb"


@pytest.fixture(autouse=True)
def _fewer_tries(monkeypatch):
    """The same tries, only two of them, and so seconds less."""
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 2)


def model_folder(path, graph="graph", weights=b"\x00\x01" * 5000):
    (path / "variables").mkdir(parents=True)
    (path / "assets.extra").mkdir()
    (path / "saved_model.pb").write_text(graph)
    (path / "variables" / "variables.data").write_bytes(weights)
    (path / "assets.extra" / "items.txt").write_text("a\nb\n")
    (path / "assets.extra" / "nothing").touch()
    return str(path)


def publish(source, target, **knobs):
    manifest = Manifest(
        model="shop", version=0, digest=directory_digest(source), published_at="", metrics={}, data=[],
        code_version="c", evaluation="",
    )  # fmt: skip
    return push(source, target, manifest, **knobs)


def whole(published):
    """Whether all files that the manifest speaks of are there, and none else."""
    return directory_digest(published.path, leave_out=(MANIFEST_FILE,)) == published.manifest.digest


def served(s3):
    """What a model server sees, asked of the store by another client: the newest saved_model.pb's text."""
    keys = sorted(found.key for found in s3.objects.all() if found.key.endswith("/saved_model.pb"))
    return s3.Object(keys[-1]).get()["Body"].read().decode() if keys else None


@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_a_pushed_model_lies_whole_in_the_store_and_is_found(tmp_path, s3, scheme):
    source, target = model_folder(tmp_path / "model"), f"{scheme}://{s3.name}/models/shop"
    done = publish(source, target)
    assert done.new
    assert published_versions(target) == [done.published]
    assert whole(done.published)
    assert latest_blessed(target) == done.published
    assert latest_blessed(target, leave_out=done.published.manifest.digest) is None
    assert published_at(done.published.path)
    keys = {found.key for found in s3.objects.all()}
    assert f"models/shop/{done.published.manifest.version}/saved_model.pb" in keys


def test_two_pushes_are_two_versions_and_the_newest_is_not_pushed_again(tmp_path, s3):
    target = f"s3://{s3.name}/shop"
    one, two = (publish(model_folder(tmp_path / name, name), target).published for name in ("one", "two"))
    again = publish(str(tmp_path / "two"), target)
    assert not again.new
    assert again.published == two
    assert published_versions(target) == [two, one]
    assert latest_blessed(target, leave_out=two.manifest.digest) == one
    assert served(s3) == "two"


def test_keep_and_remove_leave_nothing_of_what_goes(tmp_path, s3):
    target = f"s3://{s3.name}/shop"
    pushed = [publish(model_folder(tmp_path / str(n), str(n)), target, keep=2).published for n in range(4)]
    assert published_versions(target) == pushed[:1:-1]
    remove(Target.open(target), pushed[3].manifest.version)
    assert {found.key.split("/")[1] for found in s3.objects.all()} == {str(pushed[2].manifest.version)}


def test_pushes_at_once_become_whole_versions_with_numbers_of_their_own(tmp_path, s3):
    target = f"s3://{s3.name}/shop"
    sources = [model_folder(tmp_path / str(n), str(n)) for n in range(5)]
    with concurrent.futures.ThreadPoolExecutor(len(sources)) as pool:
        done = [each.published for each in pool.map(lambda source: publish(source, target), sources)]
    assert len({published.manifest.version for published in done}) == len(sources)
    assert all(map(whole, done))
    assert sorted(published_versions(target), key=str) == sorted(done, key=str)


@pytest.mark.parametrize(
    "fault",
    [
        *({"sent": n} for n in (1, 700, 6000, 20_000)),
        *({"requests": n} for n in (2, 4)),
        # Cut within the headers, moto takes what came for a whole request; a server that checks signatures doesn't.
        *({"at": MARKER, "then": n} for n in (0, 3000, 100_000)),
        *({"at": line} for line in (rf"PUT \S*/{MANIFEST_FILE}", r"GET \S*prefix=shop(/|%2F)\d+")),
        {"got": 300},
    ],
    ids=str,
)
def test_a_connection_cut_in_the_middle_of_a_push_leaves_the_old_version_served(tmp_path, s3, wire, fault):
    target = f"s3://{s3.name}/shop"
    old = publish(model_folder(tmp_path / "old", "old"), target).published
    new = model_folder(tmp_path / "new", "new" * 50_000)
    wire.fail(**fault)
    with pytest.raises(PublishError, match="what was served before still is") as failed:
        publish(new, target)
    assert wire.failed
    assert failed.value.where == target
    assert served(s3) == "old"
    wire.mend()
    assert published_versions(target) == [old]
    assert whole(latest_blessed(target))
    done = publish(new, target)
    assert done.new
    assert done.published.manifest.version > old.manifest.version
    assert published_versions(target) == [done.published, old]
    assert whole(done.published)
    sweep(Target.open(target), age=0)
    assert published_versions(target) == [done.published, old]
    assert len({found.key.split("/")[1] for found in s3.objects.all()}) == 2


def test_a_cut_names_the_file_and_the_store(tmp_path, s3, wire):
    wire.fail(at=r"PUT \S*/variables/variables\.data")
    with pytest.raises(PublishError) as failed:
        publish(model_folder(tmp_path / "model"), f"minio://{s3.name}/shop")
    assert failed.value.where == f"minio://{s3.name}/shop"
    assert "variables/variables.data: " in failed.value.why
    assert "127.0.0.1" in failed.value.why
    assert "the store answers" in failed.value.next_step


def test_a_connection_that_is_cut_once_costs_nothing_but_another_try(tmp_path, s3, wire):
    target = f"s3://{s3.name}/shop"
    wire.fail(at=MARKER, times=1)
    done = publish(model_folder(tmp_path / "model"), target)
    assert wire.failed == 1
    assert published_versions(target) == [done.published]


@pytest.mark.parametrize("times", [1, None])
def test_a_marker_whose_answer_is_lost_is_served_and_the_next_push_sees_it(tmp_path, s3, wire, times):
    source, target = model_folder(tmp_path / "model", "new"), f"s3://{s3.name}/shop"
    wire.fail(at=MARKER, answered=False, times=times)
    if times:
        assert publish(source, target).new
    else:
        with pytest.raises(PublishError, match="unless the store carries out what it didn't answer"):
            publish(source, target)
    wire.mend()
    assert served(s3) == "new"
    again = publish(source, target)
    assert not again.new
    assert whole(again.published)


def test_a_large_file_cut_between_its_parts_is_no_version(tmp_path, s3, wire, monkeypatch):
    monkeypatch.setattr(upload, "_PART", 5 << 20)
    source, target = model_folder(tmp_path / "model", weights=bytes(12 << 20)), f"s3://{s3.name}/shop"
    wire.fail(sent=8 << 20)
    with pytest.raises(PublishError, match=r"variables/variables\.data"):
        publish(source, target)
    wire.mend()
    assert published_versions(target) == []
    assert whole(publish(source, target).published)


@pytest.mark.parametrize("fault", [{"requests": 3}, {"sent": 1 << 20}], ids=str)
def test_a_store_that_falls_silent_ends_in_an_error_not_a_hang(tmp_path, s3, wire, monkeypatch, fault):
    monkeypatch.setattr(stores, "READ_SECONDS", 0.5)
    monkeypatch.setattr(upload, "_PATIENCE", 2.0)
    monkeypatch.setattr(upload, "_SLOWEST", 10_000_000)
    source = model_folder(tmp_path / "model", weights=bytes(12 << 20))
    wire.fail(**fault, stall=True)
    began = time.monotonic()
    with pytest.raises(PublishError, match=r"imeout|longer than"):
        publish(source, f"s3://{s3.name}/shop")
    assert time.monotonic() - began < 30


def test_a_store_that_refuses_connections_ends_in_an_error_at_once(tmp_path, s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    target = f"s3://{s3.name}/shop"
    for call in (lambda: publish(model_folder(tmp_path / "model"), target), lambda: latest_blessed(target)):
        with pytest.raises(PublishError, match=r"127\.0\.0\.1:9") as failed:
            call()
        assert failed.value.where == target


def test_a_bucket_that_is_missing_is_said_before_and_in_a_push(tmp_path, s3):
    for call in (lambda target: publish(model_folder(tmp_path / "model"), target), reachable, latest_blessed):
        with pytest.raises(PublishError, match="bucket does not exist"):
            call("s3://no-such-bucket/shop")


def test_keys_that_the_store_does_not_know_are_refused_in_its_own_words(tmp_path, s3, s3_server, monkeypatch):
    url = "http://{}:{}/moto-api/reset-auth".format(*s3_server)
    requests.post(url, data=b"0", timeout=10)
    try:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        target = f"s3://{s3.name}/shop"
        for call in (lambda: publish(model_folder(tmp_path / "model"), target), lambda: latest_blessed(target)):
            with pytest.raises(PublishError, match="PermissionError"):
                call()
    finally:
        requests.post(url, data=b"inf", timeout=10)


def test_the_endpoint_of_s3_alone_goes_before_the_one_of_all_services(tmp_path, s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", stores.s3_environment()["endpoint_url"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert publish(model_folder(tmp_path / "model"), f"s3://{s3.name}/shop").new


def test_what_a_killed_push_left_is_swept_once_nobody_can_be_at_it(tmp_path, s3):
    target = Target.open(f"s3://{s3.name}/shop")
    s3.put_object(Key=f"shop/7/{MANIFEST_FILE}", Body=b"{}")
    s3.put_object(Key="shop/7/variables/a", Body=b"half")
    s3.put_object(Key="shop/8/variables/a", Body=b"not ours")
    sweep(target)
    assert target.numbers() == [8, 7]
    sweep(target, age=0)
    assert target.numbers() == [8]


def test_a_push_that_was_swept_meanwhile_shows_nothing(tmp_path, s3, monkeypatch):
    target = f"s3://{s3.name}/shop"
    source = model_folder(tmp_path / "model")
    compare = upload._compare

    def swept(*arguments):
        compare(*arguments)
        s3.objects.filter(Prefix="shop/").delete()

    monkeypatch.setattr(upload, "_compare", swept)
    with pytest.raises(PublishError, match="Not all of the model arrived"):
        publish(source, target)
    assert served(s3) is None


def test_old_versions_that_may_not_be_removed_do_not_fail_a_push(tmp_path, s3, wire, caplog):
    target = f"s3://{s3.name}/shop"
    for name in ("one", "two"):
        publish(model_folder(tmp_path / name, name), target)
    wire.fail(at=r"(DELETE|POST) \S*delete")
    with caplog.at_level(logging.WARNING):
        assert publish(model_folder(tmp_path / "three", "three"), target, keep=2).new
    assert "Old versions can't be removed" in caplog.text
    assert served(s3) == "three"
