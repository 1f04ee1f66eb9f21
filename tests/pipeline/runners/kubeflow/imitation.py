"""Does to a compiled package what Kubeflow's driver and launcher do, on this machine: an imitation, not a cluster.

Made from what Kubeflow Pipelines publishes (the protos of pipeline-spec, and the source of driver and launcher,
versions 2.0 to 2.17). Each task's own container command runs as a process, in an overlay over this machine's files
that is thrown away after it, so that nothing passes between steps but the object store, a real S3 server. As there:

- inputs from upstream tasks have the type {"instanceSchema": ""}, and metadata as ML Metadata gives them back: numbers
  as doubles, booleans as numbers, with display_name and store_session_info;
- an output `executor-logs` comes along (servers from 2.5 on);
- URIs are <root>/<pipeline>/<run>/<task>/<uuid>/<output>, without the uuid before 2.4, and the output file lies beside
  the outputs, before 2.15 in /tmp/kfp_outputs;
- only the folders above outputs and the output file's own (from 2.15 on) are made; folders without files are lost;
- {{$}} is the whole ExecutorInput; the output file is parsed strictly; a local path as URI is uploaded nowhere.

It knows neither conditions nor loops, importers, retries nor the cache.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import uuid
from typing import Any

import boto3
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

LOGS = "executor-logs"
_SESSION = json.dumps({"Provider": "s3", "Params": {"fromEnv": "true"}})
# Makes a fresh file system: this machine's files below, a tmpfs above. $1: the tmpfs's place, $2: where this machine
# keeps what the step's disk holds of the store; the rest is the command.
_FRESH = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for folder in proc dev sys; do mount --rbind "/$folder" "$1/root/$folder"; done
mkdir -p "$1/root/s3" "$1/root/tmp/kfp_outputs"
mount --bind "$2/s3" "$1/root/s3"
mount --bind "$2/kfp_outputs" "$1/root/tmp/kfp_outputs"
root="$1/root"; shift 2
exec chroot "$root" sh -c 'cd "$0" && exec "$@"' "$@"
"""


class StepFailedError(Exception):
    """A task's command ended with another status than 0, or what it left can't be taken."""


@dataclasses.dataclass
class Done:
    """What a task left: its outputs as ML Metadata keeps them, by name, and its log."""

    outputs: dict[str, dict[str, Any]]
    log: str


@dataclasses.dataclass
class Imitation:
    """One server.

    Args:
        store: URL of the S3 server.
        root: pipeline root, s3://bucket/prefix.
        folder: empty, for what steps have on their disks.
        workdir: the image's working directory.
        env: environment of every step: what the image, and secrets, would give.
        old: as servers before 2.4 do it, without logs, uuid and with the output file in /tmp.
    """

    store: str
    root: str
    folder: pathlib.Path
    workdir: pathlib.Path
    env: dict[str, str]
    old: bool = False
    _names: int = 0
    done: dict[str, Done] = dataclasses.field(default_factory=dict)

    def run(self, package: list[dict[str, Any]], parameters: dict[str, Any] | None = None) -> dict[str, Done]:
        """Runs every task, in dependency order.

        Args:
            package: the documents of the package.
            parameters: of the run, over the package's defaults.
        Raises: StepFailedError: at the first task that fails; nothing after it runs.
        """
        spec = json_format.ParseDict(package[0], pipeline_spec_pb2.PipelineSpec())  # strict, as the server is
        assert spec.schema_version == "2.1.0"
        declared = package[0]["root"].get("inputDefinitions", {}).get("parameters", {})
        unknown = set(parameters or {}) - set(declared)
        assert not unknown, f"the server refuses parameters it doesn't know: {unknown}"
        given = {**{name: each["defaultValue"] for name, each in declared.items()}, **(parameters or {})}
        self.done, run = {}, str(uuid.uuid4())
        for name in _in_order(package[0]["root"]["dag"]["tasks"]):
            self.done[name] = self._task(package[0], name, given, run)
        return self.done

    def _task(self, pipeline: dict[str, Any], name: str, given: dict[str, Any], run: str) -> Done:
        task = pipeline["root"]["dag"]["tasks"][name]
        component = pipeline["components"][task["componentRef"]["name"]]
        container = pipeline["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        place = f"{pipeline['pipelineInfo']['name']}/{run}/{name}" + ("" if self.old else f"/{uuid.uuid4()}")
        told = self._executor_input(task, component, given, place)
        json_format.ParseDict(json.loads(json.dumps(told)), pipeline_spec_pb2.ExecutorInput())  # it is one
        disk = self.folder / f"{name}-{run[:8]}"
        for folder in ("s3", "kfp_outputs", "tmpfs"):
            (disk / folder).mkdir(parents=True)
        for _, artifact in _each(told["inputs"]):
            self._download(artifact["uri"], disk)
        for _, artifact in _each(told["outputs"]):
            self._local(artifact["uri"], disk).parent.mkdir(parents=True, exist_ok=True)
        log, status = self._command(container, told, disk)
        if status:
            raise StepFailedError(f"{name}: exit status {status}\n{log}")
        return Done(self._outputs(name, told, disk), log)

    def _executor_input(
        self, task: dict[str, Any], component: dict[str, Any], given: dict[str, Any], place: str
    ) -> dict[str, Any]:
        """What the driver resolves."""
        inputs = task.get("inputs", {})
        artifacts = {}
        for key, source in inputs.get("artifacts", {}).items():
            made = source["taskOutputArtifact"]
            kept = self.done[made["producerTask"]].outputs[made["outputArtifactKey"]]
            artifacts[key] = {"artifacts": [{**kept, "type": {"instanceSchema": ""}}]}
        values = {
            key: given[source["componentInputParameter"]]
            if "componentInputParameter" in source
            else source["runtimeValue"]["constant"]
            for key, source in inputs.get("parameters", {}).items()
        }
        declared = component.get("outputDefinitions", {}).get("artifacts", {})
        outputs = {
            key: {"artifacts": [{"name": key, "uri": f"{self.root}/{place}/{key}", "type": each["artifactType"]}]}
            for key, each in declared.items()
        }
        if not self.old:
            logs = {"uri": f"{self.root}/{place}/{LOGS}-0", "type": {"schemaTitle": "system.Artifact"}}
            outputs[LOGS] = {"artifacts": [logs]}
        local = f"{self.root}/{place}".replace("s3://", "/s3/", 1)
        file = "/tmp/kfp_outputs/output_metadata.json" if self.old else f"{local}/output_metadata.json"
        return {
            "inputs": {"parameterValues": values, "artifacts": artifacts},
            "outputs": {"artifacts": outputs, "outputFile": file},
        }

    def _command(self, container: dict[str, Any], told: dict[str, Any], disk: pathlib.Path) -> tuple[str, int]:
        words = [*container["command"], *container["args"]]
        words = [word.replace("{{$}}", json.dumps(told)) for word in words]
        env = {"PATH": os.environ["PATH"], **self.env, **{each["name"]: each["value"] for each in container["env"]}}
        fresh = ["unshare", "--mount", "bash", "-c", _FRESH, "bash", disk / "tmpfs", disk, self.workdir]
        ended = subprocess.run(
            [*fresh, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        return ended.stdout, ended.returncode

    def _outputs(self, task: str, told: dict[str, Any], disk: pathlib.Path) -> dict[str, dict[str, Any]]:
        """Uploads outputs, and merges what the step says of them into what the driver said."""
        file = told["outputs"]["outputFile"]
        path = disk / (file.removeprefix("/tmp/") if self.old else file.removeprefix("/"))
        said = {}
        if path.exists():
            output = json_format.Parse(path.read_text(), pipeline_spec_pb2.ExecutorOutput())  # strict, too
            said = json_format.MessageToDict(output).get("artifacts", {})
        kept = {}
        for key, artifact in _each(told["outputs"]):
            if key == LOGS:
                continue
            merged = dict(artifact)
            for each in said.get(key, {}).get("artifacts", [])[:1]:
                merged["uri"] = each.get("uri") or merged["uri"]
                merged["metadata"] = each.get("metadata", {})
            self._upload(task, merged["uri"], disk)
            self._names += 1
            metadata = {name: _kept(value) for name, value in merged.get("metadata", {}).items()}
            metadata |= {"display_name": key, "store_session_info": _SESSION}
            kept[key] = {"name": str(self._names), "uri": merged["uri"], "metadata": metadata}
        return kept

    def _local(self, uri: str, disk: pathlib.Path) -> pathlib.Path:
        return disk / "s3" / uri.removeprefix("s3://")

    def _bucket(self, uri: str) -> tuple[Any, str]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        client = boto3.resource("s3", endpoint_url=self.store, region_name="us-east-1",
                                aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
        return client.Bucket(bucket), key

    def _download(self, uri: str, disk: pathlib.Path) -> None:
        bucket, key = self._bucket(uri)
        for found in bucket.objects.filter(Prefix=f"{key}/"):
            target = self._local(f"s3://{bucket.name}/{found.key}", disk)
            target.parent.mkdir(parents=True, exist_ok=True)
            bucket.download_file(found.key, str(target))

    def _upload(self, task: str, uri: str, disk: pathlib.Path) -> None:
        if not uri.startswith("s3://"):
            return  # "does not have a recognized storage URI": skipped, and the step succeeds
        if not uri.startswith(f"{self.root}/"):
            raise StepFailedError(f"{task}: {uri} is outside of the pipeline root")
        bucket, key = self._bucket(uri)
        root = self._local(uri, disk)
        for folder, below, files in os.walk(root):
            assert not any(os.path.islink(os.path.join(folder, each)) for each in below), "a link to a folder fails"
            for name in files:
                path = pathlib.Path(folder, name)
                bucket.upload_file(str(path), f"{key}/{path.relative_to(root)}")


def _each(side: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(key, artifact) for key, value in side.get("artifacts", {}).items() for artifact in value["artifacts"]]


def _kept(value: Any) -> Any:
    """A metadata value, there and back through ML Metadata."""
    if value is None:
        raise StepFailedError("unknown/unsupported value type")
    if isinstance(value, (bool, int, float)):
        return float(value)
    return {"list": value} if isinstance(value, list) else {"struct": value} if isinstance(value, dict) else value


def _in_order(tasks: dict[str, Any]) -> list[str]:
    """Tasks after those that they wait for."""
    order: list[str] = []
    while len(order) < len(tasks):
        ready = []
        for name, task in tasks.items():
            sources = task.get("inputs", {}).get("artifacts", {}).values()
            needed = {
                *task.get("dependentTasks", []),
                *(each["taskOutputArtifact"]["producerTask"] for each in sources),
            }
            missing = needed - set(tasks)
            assert not missing, f"the server refuses an unknown producer: {missing}"
            if name not in order and needed <= set(order):
                ready.append(name)
        assert ready, "tasks wait for one another"
        order += ready
    return order
