import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid

import filelock
import fsspec
import pytest

from components.pusher.publish import push, remove, sweep
from components.pusher.versions import Target, published_versions
from schemas.digest import directory_digest
from schemas.errors import PublishError
from schemas.runs import MANIFEST_FILE, Manifest

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture(params=["local", "memory"])
def target(request, tmp_path):
    if request.param == "local":
        yield str(tmp_path / "serving" / "shop")
    else:
        root = f"memory://{uuid.uuid4().hex}"
        yield f"{root}/shop"
        fsspec.filesystem("memory").rm(root, recursive=True)


def model_folder(path, graph="graph"):
    (path / "variables").mkdir(parents=True)
    (path / "assets.extra").mkdir()
    (path / "saved_model.pb").write_text(graph)
    (path / "variables" / "variables.index").write_bytes(b"\x00\x01")
    (path / "assets.extra" / "items.txt").write_text("a\nb\n")
    return str(path)


def manifest_of(source):
    return Manifest(
        model="shop",
        version=0,
        digest=directory_digest(source),
        published_at="",
        metrics={"test": {"ndcg@10": 0.1}},
        data=[{"name": "log.csv", "sha256": "00"}],
        code_version="c0de",
        evaluation="runs/evaluation",
    )


def publish(source, target, **knobs):
    return push(source, target, manifest_of(source), **knobs)


def digest_at(address):
    return directory_digest(address, leave_out=(MANIFEST_FILE,))


def test_a_pushed_model_lies_whole_under_its_version_with_its_manifest(tmp_path, target):
    source = model_folder(tmp_path / "model")
    before = int(time.time())
    done = publish(source, target)
    manifest = done.published.manifest
    assert done.new
    assert before <= manifest.version <= int(time.time()) + 1
    assert done.published.path.endswith(f"/shop/{manifest.version}")
    assert digest_at(done.published.path) == manifest.digest == directory_digest(source)
    assert published_versions(target) == [done.published]
    assert manifest.model_copy(update={"version": 0, "published_at": ""}) == manifest_of(source)


def test_versions_grow_even_within_one_second(tmp_path, target):
    versions = [
        publish(model_folder(tmp_path / str(i), graph=f"graph {i}"), target).published.manifest.version
        for i in range(3)
    ]
    assert versions == sorted(set(versions))
    assert [version.manifest.version for version in published_versions(target)] == versions[::-1]


def test_a_version_from_the_future_is_still_surpassed(tmp_path, target):
    opened = Target.open(target)
    opened.system.makedirs(opened.folder(99999999999))
    opened.system.pipe_file(f"{opened.folder(99999999999)}/saved_model.pb", b"by hand")
    done = publish(model_folder(tmp_path / "model"), target)
    assert done.published.manifest.version == 100000000000


def test_the_newest_version_is_not_pushed_again_but_an_older_one_is(tmp_path, target):
    first, second = model_folder(tmp_path / "1", "one"), model_folder(tmp_path / "2", "two")
    pushed = publish(first, target)
    again = publish(first, target)
    assert not again.new
    assert again.published == pushed.published
    publish(second, target)
    back = publish(first, target)
    assert back.new
    assert [version.manifest.digest for version in published_versions(target)] == [
        directory_digest(first),
        directory_digest(second),
        directory_digest(first),
    ]


def test_keep_leaves_the_newest_versions_and_whatever_is_not_ours(tmp_path, target):
    opened = Target.open(target)
    opened.system.makedirs(opened.folder("7"))
    opened.system.pipe_file(f"{opened.folder(7)}/saved_model.pb", b"put there by hand, without a manifest")
    pushed = [publish(model_folder(tmp_path / str(i), str(i)), target, keep=2).published for i in range(4)]
    assert published_versions(target) == [pushed[3], pushed[2]]
    assert opened.numbers() == [pushed[3].manifest.version, pushed[2].manifest.version, 7]


def test_remove_takes_one_version_away_and_leaves_nothing_behind(tmp_path, target):
    first = publish(model_folder(tmp_path / "1", "one"), target).published
    second = publish(model_folder(tmp_path / "2", "two"), target).published
    opened = Target.open(target)
    remove(opened, second.manifest.version)
    assert published_versions(target) == [first]
    assert [name for name in opened.names() if not name.startswith(".pusher")] == [str(first.manifest.version)]


def test_a_model_that_changed_under_way_is_refused_and_nothing_is_seen(tmp_path):
    source, target = model_folder(tmp_path / "model"), tmp_path / "shop"
    manifest = manifest_of(source)
    (tmp_path / "model" / "variables" / "variables.index").write_bytes(b"\x02")
    with pytest.raises(PublishError, match="changed while it was copied"):
        push(source, str(target), manifest)
    assert [path.name for path in target.iterdir()] == [".pusher.lock"]


def test_a_file_that_cannot_be_read_leaves_no_version_and_the_next_push_sweeps(tmp_path, target):
    source = tmp_path / "model"
    model_folder(source)
    manifest = manifest_of(str(source))
    (source / "variables" / "a").symlink_to(source / "nowhere")
    with pytest.raises(PublishError, match=r"nowhere|variables/a"):
        push(str(source), target, manifest)
    assert published_versions(target) == []
    assert not any(Target.open(target).complete(version) for version in Target.open(target).numbers())
    (source / "variables" / "a").unlink()
    done = push(str(source), target, manifest)
    left = [name for name in Target.open(target).names() if name != ".pusher.lock"]
    assert left == [str(done.published.manifest.version)]


def test_a_target_below_a_file_is_refused_with_the_knob_to_turn(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    source = model_folder(tmp_path / "model")
    with pytest.raises(PublishError, match=r"pusher\.target"):
        publish(source, str(tmp_path / "file" / "shop"))


def test_sweep_leaves_a_remote_version_that_has_no_manifest_of_ours(tmp_path):
    opened = Target.open(f"memory://{uuid.uuid4().hex}/shop")
    opened.system.pipe_file(f"{opened.folder(5)}/variables/x", b"someone else's upload")
    opened.system.pipe_file(f"{opened.folder(6)}/{MANIFEST_FILE}", b"{}")
    sweep(opened)
    assert opened.numbers() == [6, 5]  # somebody may still be at it
    sweep(opened, age=0)
    assert opened.numbers() == [5]


def test_two_pushes_at_once_become_two_whole_versions(tmp_path):
    target = tmp_path / "shop"
    sources = [model_folder(tmp_path / str(i), str(i)) for i in range(2)]
    with filelock.FileLock(_made(target) / ".pusher.lock"):
        running = [_start(source, target) for source in sources]
        time.sleep(0.3)
        assert published_versions(str(target)) == []
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    found = published_versions(str(target))
    assert {version.manifest.digest for version in found} == {directory_digest(source) for source in sources}


def test_kill_in_the_middle_of_a_copy_shows_no_version_and_the_next_push_ends_as_if_nothing_happened(tmp_path):
    target = _made(tmp_path / "shop")
    source = tmp_path / "model"
    served = publish(model_folder(tmp_path / "old", "old"), str(target)).published
    model_folder(source)
    os.truncate(source / "variables" / "variables.index", 200_000_000)  # sparse: large to copy, nothing on the disk
    process = _start(str(source), target)
    while not (begun := list(target.glob(".push-*/variables/variables.index"))):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert begun[0].stat().st_size < 200_000_000
    assert published_versions(str(target)) == [served]
    assert Target.open(str(target)).numbers() == [served.manifest.version]
    (source / "variables" / "variables.index").write_bytes(b"\x00\x01")
    done = publish(str(source), str(target))
    assert done.new
    assert published_versions(str(target)) == [done.published, served]
    names = {path.name for path in target.iterdir()}
    assert names == {".pusher.lock", str(served.manifest.version), str(done.published.manifest.version)}


def _made(folder):
    folder.mkdir(parents=True)
    return folder


def _start(source, target):
    """A push in a process of its own."""
    script = (
        "import json, sys; from components.pusher.publish import push; from schemas.runs import Manifest;"
        "push(sys.argv[1], sys.argv[2], Manifest(**json.loads(sys.argv[3])))"
    )
    manifest = json.dumps(manifest_of(source).model_dump())
    return subprocess.Popen([sys.executable, "-c", script, source, str(target), manifest], cwd=ROOT)
