"""The compiled package: what open-source Kubeflow takes, and all that the configuration asks of the cluster."""

import json

import pytest
import yaml
from google.protobuf import json_format
from kfp.client.client import _extract_pipeline_yaml
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.config import load
from pipeline.runners.kubeflow.compile import compile_package
from schemas.errors import ConfigError

CLUSTER = """{image: "registry/seqrank:1", accelerator: {count: 2, node_selector: {gpu: t4}}, shared_memory: 2Gi,
  resources: {default: {memory: 2Gi}, Trainer: {cpu: 4, memory_limit: 16Gi}}, pipeline_root: "s3://artifacts/runs",
  secrets: [{name: store, env: {AWS_ACCESS_KEY_ID: accesskey}}], volumes: [{claim: models, path: /models}]}"""
SETTINGS = ["example_gen.data=['s3://logs/a.csv', 's3://logs/b.csv']", f"kubeflow={CLUSTER}", "trainer.warm_start=true"]


def compiled(*settings):
    return compile_package(load(None, [*SETTINGS, "pusher.target=/models/shop", *settings]))


@pytest.fixture(scope="module")
def package():
    return compiled()


def container(package, stage):
    return package.pipeline["deploymentSpec"]["executors"][f"{stage}_executor"]["container"]


def test_kfps_proto_and_client_take_it(package, tmp_path):
    spec = json_format.ParseDict(package.pipeline, pipeline_spec_pb2.PipelineSpec())
    assert spec.schema_version == "2.1.0"
    file = tmp_path / "pipeline.yaml"
    file.write_text(package.text())
    found = _extract_pipeline_yaml(str(file))
    assert found.pipeline_spec in (spec, package.pipeline)  # a message, or a dictionary from kfp 2.6 on
    assert "kubernetes" in str(found.platform_spec)
    assert len(list(yaml.safe_load_all(package.text()))) == 2
    assert "&id" not in package.text()


def test_no_resolver_and_no_producer_that_is_not_there(package):
    assert all(set(each) == {"container"} for each in package.pipeline["deploymentSpec"]["executors"].values())
    tasks = package.pipeline["root"]["dag"]["tasks"]
    for task in tasks.values():
        for source in task["inputs"].get("artifacts", {}).values():
            assert source["taskOutputArtifact"]["producerTask"] in tasks
        assert set(task.get("dependentTasks", [])) <= set(tasks)


def test_every_step_has_our_command_and_its_inputs_types(package):
    for executor in package.pipeline["deploymentSpec"]["executors"].values():
        assert executor["container"]["command"] == ["python", "-m", "pipeline.runners.kubeflow.entrypoint"]
        assert {"name": "TF_USE_LEGACY_KERAS", "value": "1"} in executor["container"]["env"]
        assert "--runner=FnApiRunner" in executor["container"]["args"] or "Beam" not in str(executor)
    arguments = container(package, "Trainer")["args"]
    spec = json.loads(arguments[arguments.index("--json_serialized_inputs_spec_args") + 1])
    assert "read" in spec["artifacts"]


def test_run_time_parameters_have_defaults_and_reach_their_stages(package):
    declared = package.pipeline["root"]["inputDefinitions"]["parameters"]
    defaults = {name: (each["parameterType"], each["defaultValue"]) for name, each in declared.items()}
    assert defaults == {
        "data": ("STRING", "s3://logs/a.csv;s3://logs/b.csv"),
        "window": ("NUMBER_INTEGER", 50),
        "epochs": ("NUMBER_INTEGER", 20),
    }
    tasks = package.pipeline["root"]["dag"]["tasks"]
    places = {"data": "InteractionExampleGen", "window": "SequenceGen", "epochs": "Trainer"}
    for name, stage in places.items():
        assert tasks[stage]["inputs"]["parameters"][name] == {"componentInputParameter": name}


def test_the_trainer_alone_gets_the_accelerator(package):
    asked = container(package, "Trainer")["resources"]
    assert asked["accelerator"] == {
        "type": "nvidia.com/gpu", "count": "2", "resourceType": "nvidia.com/gpu", "resourceCount": "2"
    }  # fmt: skip
    assert asked["resourceCpuRequest"] == "4"
    assert asked["resourceMemoryLimit"] == "16Gi"
    assert container(package, "Transform")["resources"] == {"resourceMemoryRequest": "2Gi"}


def test_secrets_volumes_shared_memory_and_nodes_are_in_the_platform_document(package):
    executors = package.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(executors) == set(package.pipeline["deploymentSpec"]["executors"])
    for executor in executors.values():
        assert executor["pvcMount"][0]["mountPath"] == "/models"
        assert executor["secretAsEnv"][0]["keyToEnv"] == [{"secretKey": "accesskey", "envVar": "AWS_ACCESS_KEY_ID"}]
    trainer = executors["Trainer_executor"]
    assert trainer["nodeSelector"] == {"labels": {"gpu": "t4"}}
    assert trainer["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert trainer["emptyDirMounts"][0]["sizeLimit"] == "2Gi"
    assert "nodeSelector" not in executors["Transform_executor"]


def test_what_reads_files_or_the_target_is_never_cached(package):
    tasks = package.pipeline["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
    assert set(tasks) - cached == {"InteractionExampleGen", "Evaluator", "Pusher"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["pusher.target=/tmp/models"], "lost with its pod"),
        (["pusher.target=null"], "lost with its pod"),
        (["kubeflow.resources={Trainerr: {cpu: 1}}"], "no stage Trainerr"),
        (["example_gen.columns.item='{{item}}'"], "Argo"),
    ],
)
def test_what_could_not_work_on_a_cluster_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        compiled(*settings)


def test_data_by_span_stay_a_pattern_that_the_step_reads_when_it_runs():
    by_span = compiled("example_gen.data=['s3://logs/data-{SPAN}.csv']", "example_gen.spans.window=7")
    declared = by_span.pipeline["root"]["inputDefinitions"]["parameters"]
    assert declared["data"]["defaultValue"] == "s3://logs/data-{SPAN}.csv"
    given = by_span.pipeline["root"]["dag"]["tasks"]["InteractionExampleGen"]["inputs"]["parameters"]
    assert '"spans":{"window":7}' in given["options"]["runtimeValue"]["constant"]
    assert "cachingOptions" not in by_span.pipeline["root"]["dag"]["tasks"]["InteractionExampleGen"]
