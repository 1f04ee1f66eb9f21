"""A store that several output roots share: nobody touches what is another's."""

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline.metadata_options import MetadataOptions
from pipeline.runners import metadata, unpublished
from schemas.errors import BusyError, StoreError
from schemas.runs import OutputRoot


@pytest.fixture
def store(tmp_path):
    return metadata.connect(tmp_path / "metadata.sqlite")


def _running(store, run_id):
    """An execution of a run that has not ended."""
    kind = store.put_execution_type(pb.ExecutionType(name="Trainer"))
    run = store.put_context_type(pb.ContextType(name="pipeline_run"))
    execution = pb.Execution(type_id=kind, last_known_state=pb.Execution.RUNNING)
    number, _, _ = store.put_execution(
        execution, [], [pb.Context(type_id=run, name=run_id)], reuse_context_if_already_exist=True
    )
    return number


def _state(store, number):
    (execution,) = store.get_executions_by_id([number])
    return pb.Execution.State.Name(execution.last_known_state)


def test_what_a_killed_run_left_running_is_failed_in_this_root_alone(store, tmp_path):
    root = OutputRoot(tmp_path / "runs")
    root.run("2026-01-01T000000").mkdir(parents=True)
    ours, theirs = _running(store, "2026-01-01T000000"), _running(store, "2026-01-02T000000")
    assert metadata.fail_unfinished(store, root) == 1
    assert (_state(store, ours), _state(store, theirs)) == ("FAILED", "RUNNING")
    assert metadata.fail_unfinished(store) == 1  # a file is this root's alone
    assert _state(store, theirs) == "FAILED"


def test_a_runs_name_is_taken_once(store):
    metadata.claim(store, "2026-01-01T000000")
    metadata.claim(store, "2026-01-01T000001")
    with pytest.raises(BusyError, match="began in the same second"):
        metadata.claim(store, "2026-01-01T000000")


def test_pushes_of_another_root_are_left_alone(store, tmp_path):
    root = OutputRoot(tmp_path / "runs")
    kind = store.put_artifact_type(pb.ArtifactType(name="PushedModel"))
    for folder in (root.artifacts, tmp_path / "elsewhere"):
        note = pb.Artifact(type_id=kind, uri=str(folder / "Pusher" / "1"), state=pb.Artifact.LIVE)
        note.custom_properties["pushed_destination"].string_value = str(folder / "gone" / "7")
        store.put_artifacts([note])
    assert unpublished.forget(store, root) == [str(root.artifacts / "gone" / "7")]


def test_a_server_that_is_not_there_is_told_before_anything_runs():
    options = MetadataOptions(kind="postgresql", host="127.0.0.1", port=1, database="seqrank", user="me")
    with pytest.raises(StoreError, match=r"127.0.0.1:1: No metadata store answers here"):
        metadata.connect(metadata.where(options, OutputRoot(None)))


def test_only_postgresql_needs_a_client_of_ours(tmp_path):
    import ml_metadata

    theirs = ml_metadata.MetadataStore
    for options in (
        MetadataOptions(),
        MetadataOptions(kind="mysql", host="h", database="d", user="u"),
        MetadataOptions(kind="postgresql", host="h", database="d", user="u"),
    ):
        with metadata.clients_for(metadata.where(options, OutputRoot(tmp_path))):
            assert (ml_metadata.MetadataStore is theirs) == (options.kind != "postgresql")
