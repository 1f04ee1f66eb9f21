"""Kubeflow's metadata service (kubeflow.py), read through gRPC by the store and by the commands."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from inspection import compare, lineage, results
from inspection.store import Store
from schemas.errors import StoreError

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIRST, SECOND, THIRD = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "123")
TARGET = "s3://models/shop/7"


def _fill(launcher, *, cached=None, dropout=0.2, stop=False):
    """A chain of four stages; returns what each left."""
    left = {}
    told = {"options": json.dumps({"columns": {"user": "u"}}), "data": "s3://logs/*.csv", "code_version": "c1"}
    gen = {
        "examples": ("tfx.Examples", {"span": 3.0, "split_names": '["train"]'}),
        "rejected": ("tfx.seqrank.RejectedRows", {}),
    }
    if cached:
        left["gen"] = launcher.task("InteractionExampleGen", told=told, cached=cached["gen"])
    else:
        left["gen"] = launcher.task("InteractionExampleGen", told=told, outputs=gen)
    told = {"options": json.dumps({"model": {"dropout": dropout}}), "epochs": 8, "code_version": "c2"}
    read = [("examples", left["gen"][1]["examples"])]
    left["trainer"] = launcher.task("Trainer", read, {"model": ("tfx.Model", {})}, told)
    read += [("model", left["trainer"][1]["model"])]
    if stop:
        left["evaluator"] = launcher.task("Evaluator", read, state="FAILED")
        return left
    left["evaluator"] = launcher.task("Evaluator", read, {"evaluation": ("tfx.ModelEvaluation", {"blessed": True})})
    pushed = {"pushed_model": ("tfx.PushedModel", {"pushed_destination": TARGET, "pushed": 1, "nested": {"a": 1}})}
    left["pusher"] = launcher.task("Pusher", read[1:], pushed)
    return left


@pytest.fixture(scope="module")
def bridge(kubeflow, tmp_path_factory):
    """Three runs: all done, one with a stage from the cache, one that failed in Evaluator."""
    made = kubeflow.Bridge(tmp_path_factory.mktemp("kubeflow") / "mlmd.sqlite")
    first = _fill(kubeflow.Launcher(made.store, FIRST))
    _fill(kubeflow.Launcher(made.store, SECOND), cached=first, dropout=0.4)
    _fill(kubeflow.Launcher(made.store, THIRD), stop=True)
    yield made
    made.close()


@pytest.fixture
def store(bridge):
    return Store(pb.MetadataStoreClientConfig(host="127.0.0.1", port=bridge.port))


def test_runs_have_their_pipeline_and_the_state_of_their_stages_not_of_the_group_that_never_ends(store):
    lines = store.runs()
    assert [(line.id, line.pipeline, line.state) for line in lines] == [
        (THIRD, "shop", "failed"), (SECOND, "shop", "succeeded"), (FIRST, "shop", "succeeded"),
    ]  # fmt: skip
    assert [(line.stages, line.cached) for line in lines] == [(3, 0), (4, 1), (4, 0)]


def test_a_run_that_has_begun_no_stage_or_is_in_one_is_running(kubeflow, tmp_path):
    made = kubeflow.Bridge(tmp_path / "mlmd.sqlite")
    store = Store(pb.MetadataStoreClientConfig(host="127.0.0.1", port=made.port))
    assert store.runs() == []
    launcher = kubeflow.Launcher(made.store, FIRST)
    assert [line.state for line in store.runs()] == ["running"]
    launcher.task("LeftOut", state="CANCELED")
    launcher.task("Done")
    assert [line.state for line in store.runs()] == ["succeeded"]
    launcher.task("Trainer", state="RUNNING")
    assert [line.state for line in store.runs()] == ["running"]
    made.close()


def test_stages_have_their_tasks_names_types_without_prefix_and_what_they_were_told(store):
    run = store.run(SECOND)
    assert [stage.name for stage in run.stages if not stage.helper] == [
        "InteractionExampleGen", "Trainer", "Evaluator", "Pusher",
    ]  # fmt: skip
    trainer = run.stage("Trainer")
    assert trainer.output("model").type == "Model"
    assert trainer.properties["epochs"] == 8
    assert isinstance(trainer.properties["epochs"], int)
    assert trainer.properties["image"] == "seqrank:1"
    assert "cache_fingerprint" not in trainer.properties
    assert run.stage("InteractionExampleGen").cached
    assert run.stage("InteractionExampleGen").output("rejected").type == "seqrank.RejectedRows"
    assert run.stage("Pusher").output("pushed_model").properties["nested"] == {"a": 1}


def test_configuration_and_code_are_those_of_the_stages(store):
    found = results.of(store.run(SECOND))
    assert found.config["trainer.model.dropout"] == 0.4
    assert found.config["trainer.epochs"] == 8
    assert found.config["example_gen.data"] == "s3://logs/*.csv"
    assert found.code == {"InteractionExampleGen": "c1", "Trainer": "c2"}
    assert found.pushed == TARGET
    changes = compare.compare(store.run(FIRST), store.run(SECOND)).config
    assert [(change.what, change.before, change.after) for change in changes] == [("trainer.model.dropout", 0.2, 0.4)]


def test_lineage_goes_through_a_stage_that_came_from_the_cache(store):
    pushed = store.artifact(f"{SECOND}/Pusher.pushed_model")
    assert store.artifact("222/Pusher.pushed_model") == pushed
    assert store.artifact(TARGET).type == "PushedModel"
    steps = {step.stage.name: step.run for step in lineage.upstream(store, pushed).steps.values()}
    assert steps == {"Pusher": SECOND, "Trainer": SECOND, "InteractionExampleGen": FIRST}
    models = lineage.downstream(store, [store.artifact(f"{FIRST}/InteractionExampleGen.examples")]).models()
    assert [(artifact.type, step.run) for artifact, step in models] == [
        ("Model", FIRST), ("PushedModel", FIRST), ("Model", SECOND), ("PushedModel", SECOND),
    ]  # fmt: skip


def _seqrank(bridge, *words):
    command = [sys.executable, "-m", "pipeline.cli", *words, "--metadata", f"127.0.0.1:{bridge.port}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    "words",
    [
        ("runs",), ("show", FIRST), ("show", "latest"), ("artifacts", "--type", "Model"), ("compare", FIRST, SECOND),
        ("lineage", TARGET), ("lineage", f"{FIRST}/InteractionExampleGen.examples", "--forward"),
        ("open", "111/Trainer.model"),
    ],
    ids=lambda words: " ".join(words),
)  # fmt: skip
def test_every_command_answers_though_the_object_store_cannot_be_reached(bridge, words):
    shown, told = _seqrank(bridge, *words), _seqrank(bridge, *words, "--json")
    assert shown.returncode == told.returncode == 0, shown.stderr + told.stderr
    assert shown.stdout.strip()
    assert json.loads(told.stdout)
    assert shown.stderr == ""


def test_a_service_that_went_away_is_told_plainly(kubeflow, tmp_path):
    made = kubeflow.Bridge(tmp_path / "mlmd.sqlite")
    store = Store(pb.MetadataStoreClientConfig(host="127.0.0.1", port=made.port), limit=2)
    made.close()
    with pytest.raises(StoreError, match="no longer answers"):
        store.runs()
