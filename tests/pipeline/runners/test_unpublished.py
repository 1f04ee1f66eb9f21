"""What Pusher noted of versions that somebody took away, in a real ML Metadata."""

import shutil

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.runners import metadata, unpublished


@pytest.fixture
def store(tmp_path):
    return metadata.connect(tmp_path / "metadata.sqlite")


def note(store, destination, version="1"):
    kind = store.put_artifact_type(pb.ArtifactType(name="PushedModel"))
    artifact = pb.Artifact(type_id=kind, uri=f"/nowhere/{version}", state=pb.Artifact.LIVE)
    if destination:
        artifact.custom_properties["pushed_destination"].string_value = str(destination)
    return store.put_artifacts([artifact])[0]


def publish(folder):
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text("graph")
    return folder


def states(store):
    return {a.id: pb.Artifact.State.Name(a.state) for a in store.get_artifacts()}


def test_missing_version_is_forgotten_and_the_others_stay(store, tmp_path):
    there, gone = publish(tmp_path / "shop" / "2"), publish(tmp_path / "shop" / "1")
    kept, forgotten, unblessed = note(store, there, "2"), note(store, gone, "1"), note(store, None, "3")
    shutil.rmtree(gone)
    assert unpublished.forget(store) == [str(gone)]
    assert states(store) == {kept: "LIVE", forgotten: "DELETED", unblessed: "LIVE"}
    assert unpublished.forget(store) == []


def test_half_removed_version_is_missing_too(store, tmp_path):
    half = publish(tmp_path / "shop" / "1")
    note(store, half)
    (half / "saved_model.pb").unlink()
    assert unpublished.forget(store) == [str(half)]


def test_store_without_a_push_has_nothing_to_forget(store):
    assert unpublished.forget(store) == []


def test_versions_in_an_object_store_are_looked_for_there(store):
    import fsspec

    system = fsspec.filesystem("memory")
    system.pipe_file("/unpublished/shop/7/saved_model.pb", b"graph")
    note(store, "memory://unpublished/shop/7")
    assert unpublished.forget(store) == []
    system.rm("/unpublished", recursive=True)
    assert unpublished.forget(store) == ["memory://unpublished/shop/7"]
