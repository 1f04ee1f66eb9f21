"""A step, called as the launcher calls it, with a real executor."""

import json
import os

import pytest

from components.example_gen.options import Options
from pipeline.runners.kubeflow import entrypoint, step
from schemas.records import ReadCounts

EXECUTOR = "components.curated_schema.executor.Executor"
PARAMETERS = {"schema_file": "interactions.pbtxt", "optional": "[]", "digest": "d", "code_version": "c"}


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls a step of CuratedSchema; returns the status it left with (None: it went well) and its output file."""
    monkeypatch.setattr(step, "LOCAL_ROOTS", {"s3://": f"{tmp_path}/s3/"})

    def leave(status):
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", leave)

    def run(**changed):
        file = tmp_path / "s3/b/run/output_metadata.json"
        schema = {"uri": "s3://b/run/schema", "type": {"instanceSchema": "title: tfx.Schema\ntype: object\n"}}
        logs = {"uri": "s3://b/run/executor-logs-0", "type": {"schemaTitle": "system.Artifact"}}
        outputs = {"schema": {"artifacts": [schema]}, "executor-logs": {"artifacts": [logs]}}
        told = {
            "inputs": {"parameterValues": {**PARAMETERS, **changed}},
            "outputs": {"artifacts": outputs, "outputFile": str(file)},
        }
        spec = {"parameters": {name: {"parameterType": "STRING"} for name in PARAMETERS}}
        words = ["--executor_class_path", EXECUTOR, "--json_serialized_invocation_args", json.dumps(told)]
        words += ["--json_serialized_inputs_spec_args", json.dumps(spec)]
        try:
            entrypoint.main(words)
        except SystemExit as ended:
            return ended.code, file
        return None, file

    return run


def test_a_step_leaves_its_output_and_says_where_it_is_remotely(call, tmp_path):
    status, file = call()
    assert status is None
    assert (tmp_path / "s3/b/run/schema/schema.pbtxt").stat().st_size > 100
    said = json.loads(file.read_text())
    assert list(said["artifacts"]) == ["schema"]
    assert said["artifacts"]["schema"]["artifacts"][0]["uri"] == "s3://b/run/schema"
    assert not (tmp_path / "s3/b/run/.temp").exists()


def test_a_failed_step_ends_with_the_stages_own_words_and_leaves_no_output_file(call, capfd):
    status, file = call(optional='["no such feature"]')
    assert status == 1
    assert not file.exists()
    last = capfd.readouterr().err.rstrip().rsplit("\n", 3)
    assert any("no such feature" in line for line in last)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("two\nlines"), "ValueError: two lines"),
        (RuntimeError("a step\nTraceback (most recent call last)\n  File\nKeyError: 'x'"), "KeyError: 'x'"),
    ],
)
def test_an_error_that_nobody_foresaw_is_one_line(error, words):
    assert entrypoint._worded(error) == words


def test_the_step_that_reads_finds_the_newest_spans_when_it_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(step, "LOCAL_ROOTS", {"s3://": f"{tmp_path}/s3/"})
    for span in (8, 9, 10):
        (tmp_path / f"log-{span}.csv").write_text(f"user_id,item_id,timestamp\nu,i{span},1\n")
    options = Options(data=("elsewhere-{SPAN}.csv",), spans={"window": 2})
    told = {"data": f"{tmp_path}/log-{{SPAN}}.csv", "options": options.model_dump_json(), "fingerprint": ""}
    types = {"examples": "tfx.Examples", "rejected": "seqrank.RejectedRows"}
    outputs = {
        name: {
            "artifacts": [{"uri": f"s3://b/run/{name}", "type": {"instanceSchema": f"title: {kind}\ntype: object\n"}}]
        }
        for name, kind in types.items()
    }
    file = tmp_path / "s3/b/run/output_metadata.json"
    invocation = {
        "inputs": {"parameterValues": {**told, "code_version": "c"}},
        "outputs": {"artifacts": outputs, "outputFile": str(file)},
    }
    spec = {"parameters": {name: {"parameterType": "STRING"} for name in (*told, "code_version")}}
    words = ["--executor_class_path", "components.example_gen.executor.Executor"]
    words += ["--json_serialized_invocation_args", json.dumps(invocation)]
    entrypoint.main([*words, "--json_serialized_inputs_spec_args", json.dumps(spec)])
    (examples,) = json.loads(file.read_text())["artifacts"]["examples"]["artifacts"]
    assert examples["metadata"]["span"] == 10
    assert "9,10" in str(examples["metadata"]["spans"])
    counts = ReadCounts.load(tmp_path / "s3/b/run/rejected/counts.json")
    assert counts.spans == [9, 10]
