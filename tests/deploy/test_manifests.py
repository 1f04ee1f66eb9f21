"""What deploy/ says fits together, and fits our image: what a cluster would only tell when something fails there."""

import importlib.util
import pathlib
import re

import pytest
import yaml

from pipeline.runners.kubeflow.options import KubeflowOptions
from schemas.runs import OutputRoot

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = sorted(path.relative_to(ROOT / "deploy") for path in (ROOT / "deploy").rglob("*.yaml"))
IMAGE = KubeflowOptions().image


def documents(*path):
    return list(yaml.safe_load_all(ROOT.joinpath("deploy", *path).read_text(encoding="utf-8")))


def pods(node):
    """All pod specs in a document, and parts of them, wherever they stand."""
    if isinstance(node, dict):
        if "containers" in node:
            yield node
        for value in node.values():
            yield from pods(value)
    elif isinstance(node, list):
        for value in node:
            yield from pods(value)


def ours(*path):
    """(pod, container) of each container of our image."""
    return [
        (pod, container)
        for document in documents(*path)
        for pod in pods(document)
        for container in pod["containers"]
        if container.get("image") == IMAGE
    ]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_each_document_is_an_object_of_kubernetes(path):
    for document in documents(path):
        content = "data" if document["kind"] == "ConfigMap" else "spec"
        assert {"apiVersion", "kind", "metadata", content} <= set(document)
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", document["metadata"]["name"])
        assert "namespace" not in document["metadata"]  # kubectl -n says which


@pytest.mark.parametrize("path", FILES, ids=str)
def test_what_is_mounted_is_there(path):
    for document in documents(path):
        for pod in pods(document):
            volumes = {volume["name"] for volume in pod.get("volumes", [])}
            for container in pod["containers"]:
                assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes


@pytest.mark.parametrize("path", FILES, ids=str)
def test_our_containers_give_up_what_they_do_not_need(path):
    for pod, container in ours(path):
        told = {**pod.get("securityContext", {}), **container["securityContext"]}
        assert told["runAsNonRoot"] is True
        assert told["allowPrivilegeEscalation"] is False
        assert told["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_our_containers_start_what_the_image_has(path):
    for _, container in ours(path):
        command = container["command"]
        assert command[0] in ("python", "seqrank")
        if command[0] == "python":
            assert command[1] == "-m"
            assert importlib.util.find_spec(command[2]) is not None


def test_versions_of_flink_and_beam_belong_together():
    (cluster,), (server, _) = documents("flink", "cluster.yaml"), documents("flink", "job-server.yaml")
    (container,) = server["spec"]["template"]["spec"]["containers"]
    flink, beam = re.fullmatch(r"apache/beam_flink([\d.]+)_job_server:([\d.]+)", container["image"]).groups()
    assert cluster["spec"]["flinkVersion"] == "v" + flink.replace(".", "_")
    assert cluster["spec"]["image"].startswith(f"flink:{flink}.")
    from apache_beam.options.pipeline_options import FlinkRunnerOptions

    assert flink in FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"apache/beam_python3.13_sdk:{beam} " in dockerfile  # whose version a test holds against the lock


def test_the_job_server_finds_the_cluster_and_its_service_finds_it():
    (cluster,), (server, service) = documents("flink", "cluster.yaml"), documents("flink", "job-server.yaml")
    template = server["spec"]["template"]
    (container,) = template["spec"]["containers"]
    told = dict(word.removeprefix("--").split("=", 1) for word in container["args"])
    assert told["flink-master"] == f"{cluster['metadata']['name']}-rest:8081"  # as the operator names it
    assert server["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"] == service["spec"]["selector"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"jobs": int(told["job-port"]), "artifacts": int(told["artifact-port"])}
    assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports
    assert told["artifacts-dir"] in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_task_managers_have_workers_beside_them():
    (cluster,) = documents("flink", "cluster.yaml")
    main, workers = cluster["spec"]["taskManager"]["podTemplate"]["spec"]["containers"]
    assert main["name"] == "flink-main-container"  # the operator's name
    (port,) = [port["containerPort"] for port in workers["ports"]]
    assert f"--service_port={port}" in workers["command"]
    assert workers["readinessProbe"]["tcpSocket"]["port"] == port


def test_the_machines_that_train_meet_at_the_chiefs_task():
    (job,) = documents("training", "tfjob.yaml")
    specs = job["spec"]["tfReplicaSpecs"]
    assert specs["Chief"]["replicas"] == 1
    told = {}
    for kind, spec in specs.items():
        (container,) = spec["template"]["spec"]["containers"]
        assert container["name"] == "tensorflow"  # the operator looks for it
        told[kind] = container["command"]
    root = told["Chief"][told["Chief"].index("--output") + 1]
    assert told["Worker"][-2:] == ["--task", str(OutputRoot(pathlib.Path(root)).checkpoints / "task.json")]
    volumes = [spec["template"]["spec"]["volumes"] for spec in specs.values()]
    assert volumes[0] == volumes[1]
