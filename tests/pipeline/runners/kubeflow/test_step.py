"""What the launcher says is made fit for TFX, and what TFX says for the launcher."""

import json

import pytest

from pipeline.runners.kubeflow import step
from schemas.errors import DataError

SPEC = {"artifacts": {"rows": {"artifactType": {"instanceSchema": "title: seqrank.RejectedRows\ntype: object\n"}}}}


@pytest.fixture
def told(tmp_path, monkeypatch):
    """An invocation as a server of 2.15 and later sends it, of an input that the launcher has put where it does."""
    monkeypatch.setattr(step, "LOCAL_ROOTS", {"s3://": f"{tmp_path}/s3/"})
    (tmp_path / "s3/b/run/Gen/rows").mkdir(parents=True)
    given = {"name": "7", "uri": "s3://b/run/Gen/rows", "type": {"instanceSchema": ""}, "metadata": {"read": 3.0}}
    model = {"uri": "s3://b/run/Trainer/model", "type": {"instanceSchema": "title: tfx.Model\n"}}
    logs = {"uri": "s3://b/run/Trainer/executor-logs-0", "type": {"schemaTitle": "system.Artifact"}}
    return {
        "inputs": {"artifacts": {"rows": {"artifacts": [given]}}},
        "outputs": {
            "artifacts": {"model": {"artifacts": [model]}, "executor-logs": {"artifacts": [logs]}},
            "outputFile": f"{tmp_path}/s3/b/run/Trainer/output_metadata.json",
        },
    }


def read(told, tmp_path):
    return step.read(told, SPEC, tmp_path / "scratch.json")


def test_inputs_get_their_type_back_and_our_classes_their_place(told, tmp_path):
    read(told, tmp_path)
    schema = told["inputs"]["artifacts"]["rows"]["artifacts"][0]["type"]["instanceSchema"]
    assert "title: schemas.artifacts.RejectedRows\n" in schema


def test_logs_that_no_component_has_are_left_out(told, tmp_path):
    assert set(read(told, tmp_path).invocation["outputs"]["artifacts"]) == {"model"}


def test_addresses_become_the_launchers_paths_and_output_folders_are_made(told, tmp_path):
    made = read(told, tmp_path)
    path = f"{tmp_path}/s3/b/run/Trainer/model"
    assert made.remote[path] == "s3://b/run/Trainer/model"
    assert told["outputs"]["artifacts"]["model"]["artifacts"][0]["uri"] == path
    assert (tmp_path / "s3/b/run/Trainer/model").is_dir()


def test_tfx_writes_elsewhere_than_the_launcher_looks(told, tmp_path):
    made = read(told, tmp_path)
    assert told["outputs"]["outputFile"] == str(tmp_path / "scratch.json")
    assert made.output_file == tmp_path / "s3/b/run/Trainer/output_metadata.json"


def test_a_path_of_the_servers_own_choice_is_taken(told, tmp_path):
    (tmp_path / "own").mkdir()
    told["inputs"]["artifacts"]["rows"]["artifacts"][0]["customPath"] = f"{tmp_path}/own"
    assert read(told, tmp_path).remote[f"{tmp_path}/own"] == "s3://b/run/Gen/rows"


def test_an_input_that_is_not_there_is_named_by_its_address(told, tmp_path):
    told["inputs"]["artifacts"]["rows"]["artifacts"][0]["uri"] = "s3://b/gone"
    with pytest.raises(DataError, match="s3://b/gone"):
        read(told, tmp_path)


def test_an_unknown_store_is_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match="pipeline-root"):
        step.local_path("https://x/y")


def test_output_has_addresses_for_paths_in_properties_too_and_no_empty_property():
    remote = {"/s3/b/model": "s3://b/model", "/s3/b/model_run": "s3://b/model_run"}
    metadata = {"current": "/s3/b/model/Format-Serving", "other": "/s3/b/model_running", "none": None, "n": 1.0}
    said = {"artifacts": {"model": {"artifacts": [{"uri": "/s3/b/model", "metadata": metadata}]}}}
    (found,) = step.written(json.loads(json.dumps(said)), remote)["artifacts"]["model"]["artifacts"]
    assert found["uri"] == "s3://b/model"
    assert found["metadata"] == {"current": "s3://b/model/Format-Serving", "other": "/s3/b/model_running", "n": 1.0}


def test_empty_folders_are_marked_and_unmarked_again(told, tmp_path):
    rows = tmp_path / "s3/b/run/Gen/rows"
    (rows / "Split-test").mkdir()
    (rows / "Split-train").mkdir()
    (rows / "Split-train/part").touch()
    step.mark_empty([str(rows)])
    assert (rows / "Split-test" / step.MARKER).exists()
    assert not (rows / "Split-train" / step.MARKER).exists()
    read(told, tmp_path)
    assert not list(rows.rglob(step.MARKER))
    assert (rows / "Split-test").is_dir()
