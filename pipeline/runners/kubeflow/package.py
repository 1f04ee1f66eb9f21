"""Finishes what TFX's compiler wrote: what it can't say, and what open-source Kubeflow wouldn't take.

TFX writes a PipelineSpec for Google's service. For open-source Kubeflow the command of each step is ours, defaults of
run-time parameters are written in, caching is said task by task, resources are quantities, and whatever belongs to
Kubernetes goes into a second document, the PlatformSpec.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from pipeline.runners.kubeflow import entrypoint
from pipeline.runners.kubeflow.options import ALL, Resources
from pipeline.runners.kubeflow.published import DATA
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Config
    from pipeline.runners.kubeflow.options import KubeflowOptions

Json = dict[str, Any]
EXAMPLE_GEN, TRAINER, EVALUATOR, PUSHER = "InteractionExampleGen", "Trainer", "Evaluator", "Pusher"
# Kubeflow's cache key doesn't see what is in the files, nor what is published.
NOT_CACHED: Final = frozenset({EXAMPLE_GEN, "ItemExampleGen", "UserExampleGen", EVALUATOR, PUSHER})
# Run-time parameters: where a run can be told another value than the configuration's.
PARAMETERS: Final = {
    "data": (EXAMPLE_GEN, "data", "interaction logs: files or globs, a ; between them"),
    "window": ("SequenceGen", "window", "events of a sequence at most"),
    "epochs": (TRAINER, "epochs", "most epochs of training"),
}
_TASK_NAME: Final = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,119}")  # Argo's, as far as a task's name goes
_EXECUTOR_INPUT: Final = "{{$}}"  # Kubeflow's own; any other {{…}} it or Argo would replace, or refuse


class Package(NamedTuple):
    """pipeline: PipelineSpec, schema 2.1.0. platform: PlatformSpec; empty where nothing is asked of Kubernetes."""

    pipeline: Json
    platform: Json

    def text(self) -> str:
        """One or two YAML documents."""
        documents = [self.pipeline, *([self.platform] if self.platform else [])]
        plain = json.loads(json.dumps(documents))  # or YAML would write equal parts once, and refer to them
        return yaml.safe_dump_all(plain, sort_keys=True, allow_unicode=True, width=1000)


def finish(raw: Json, config: Config, target: str) -> Package:
    """Makes a package of a PipelineSpec.

    Args:
        raw: as TFX's KubeflowV2DagRunner wrote it; changed in place.
        config: the resolved configuration.
        target: the publish target.
    Raises: ConfigError: a name or a value that Kubeflow or Argo would refuse or change; resources of no stage.
    """
    options = config.kubeflow
    _check_stages(raw, options)
    _parametrise(raw)
    if config.trainer.warm_start:
        _connect(raw, TRAINER, DATA, EXAMPLE_GEN, "rejected")
    for name, container in _containers(raw):
        _finish_container(name, container, config, target)
        _specify(raw, name, container)
    for task in _tasks(raw).values():
        if options.cache and task["taskInfo"]["name"] not in NOT_CACHED:
            task["cachingOptions"] = {"enableCache": True}
    for name in (TRAINER, "Tuner"):
        if name in _tasks(raw):
            _tasks(raw)[name]["inputs"]["parameters"]["checkpoint_root"] = _constant(options.checkpoint_root)
    if options.pipeline_root:
        raw["defaultPipelineRoot"] = options.pipeline_root  # servers don't read it; seqrank submit passes it
    _refuse_braces(raw)
    return Package(raw, _platform(raw, options))


def _tasks(raw: Json) -> Json:
    return raw["root"]["dag"]["tasks"]


def _containers(raw: Json) -> Iterator[tuple[str, Json]]:
    for label, executor in raw["deploymentSpec"]["executors"].items():
        yield label.removesuffix("_executor"), executor["container"]


def _constant(value: Any) -> Json:
    return {"runtimeValue": {"constant": value}}


def _check_stages(raw: Json, options: KubeflowOptions) -> None:
    names = set(_tasks(raw))
    bad = [name for name in names if not _TASK_NAME.fullmatch(name) or name == "root"]
    if bad:
        raise ConfigError("Argo refuses these names of stages.", where="pipeline", why=", ".join(bad))
    unknown = sorted(set(options.resources) - names - {ALL})
    if unknown:
        raise ConfigError(
            f"There is no stage {unknown[0]}.",
            where=f"kubeflow.resources.{unknown[0]}",
            next_step=f"The stages are {', '.join(sorted(names))}; and {ALL}.",
        )


def _parametrise(raw: Json) -> None:
    """Turns constants of tasks into parameters of the run, with the constants as defaults.

    TFX's RuntimeParameter would leave the default out, and freeze silently inside JSON.
    """
    declared = raw["root"].setdefault("inputDefinitions", {}).setdefault("parameters", {})
    for name, (stage, parameter, meaning) in PARAMETERS.items():
        given = _tasks(raw)[stage]["inputs"]["parameters"]
        kind = raw["components"][stage]["inputDefinitions"]["parameters"][parameter]["parameterType"]
        default = given[parameter]["runtimeValue"]["constant"]
        default = int(default) if kind == "NUMBER_INTEGER" else default
        declared[name] = {"parameterType": kind, "defaultValue": default, "description": meaning}
        given[parameter] = {"componentInputParameter": name}


def _connect(raw: Json, stage: str, name: str, producer: str, output: str) -> None:
    """Gives a stage one more input: its step looks something up by it."""
    kind = raw["components"][producer]["outputDefinitions"]["artifacts"][output]["artifactType"]
    raw["components"][stage]["inputDefinitions"]["artifacts"][name] = {"artifactType": kind}
    source = {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": output}}
    task = _tasks(raw)[stage]
    task["inputs"]["artifacts"][name] = source
    task["dependentTasks"] = sorted({*task.get("dependentTasks", []), producer})


def _finish_container(name: str, container: Json, config: Config, target: str) -> None:
    options = config.kubeflow
    container["command"] = [options.python, "-m", entrypoint.MODULE]
    if name == EVALUATOR:
        container["args"] += [entrypoint.BASELINE, target]
    if name == TRAINER and config.trainer.warm_start:
        container["args"] += [entrypoint.START, target]
    env = {"TF_USE_LEGACY_KERAS": "1", "TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "2", **options.env}
    container["env"] = [{"name": variable, "value": value} for variable, value in env.items()]
    resources = _resources(options.resources.get(name, options.resources.get(ALL, Resources())))
    if name == TRAINER and options.accelerator:
        # Both spellings: servers before 2.4 know the first alone, and where both are there they agree.
        device, count = options.accelerator.resource, str(options.accelerator.count)
        resources["accelerator"] = {"type": device, "count": count, "resourceType": device, "resourceCount": count}
    if resources:
        container["resources"] = resources


def _resources(asked: Resources) -> Json:
    names = {
        "resourceCpuRequest": asked.cpu,
        "resourceCpuLimit": asked.cpu_limit,
        "resourceMemoryRequest": asked.memory,
        "resourceMemoryLimit": asked.memory_limit,
    }
    return {name: quantity for name, quantity in names.items() if quantity is not None}


def _specify(raw: Json, name: str, container: Json) -> None:
    """Writes the component's inputs into its arguments anew: the step has each input's type from there."""
    place = container["args"].index("--json_serialized_inputs_spec_args") + 1
    spec = raw["components"][name].get("inputDefinitions", {})
    container["args"][place] = json.dumps(spec, sort_keys=True, separators=(",", ":"))


def _platform(raw: Json, options: KubeflowOptions) -> Json:
    shared = {
        "secretAsEnv": [
            {
                "secretName": secret.name,
                "secretNameParameter": _constant(secret.name),
                "keyToEnv": [{"secretKey": key, "envVar": variable} for variable, key in secret.env.items()],
            }
            for secret in options.secrets
        ],
        "pvcMount": [
            {"constant": volume.claim, "pvcNameParameter": _constant(volume.claim), "mountPath": volume.path}
            for volume in options.volumes
        ],
    }
    trainer: Json = {}
    if options.accelerator:
        labels, tolerations = options.accelerator.node_selector, options.accelerator.tolerations
        if labels:
            trainer["nodeSelector"] = {"labels": labels}
        if tolerations:
            trainer["tolerations"] = [each.model_dump(exclude_none=True) for each in tolerations]
    if options.shared_memory:
        memory = {"volumeName": "shared-memory", "mountPath": "/dev/shm", "medium": "Memory"}
        trainer["emptyDirMounts"] = [{**memory, "sizeLimit": options.shared_memory}]
    executors = {}
    for label in raw["deploymentSpec"]["executors"]:
        told = {**{key: value for key, value in shared.items() if value}}
        if label == f"{TRAINER}_executor":
            told |= trainer
        if told:
            executors[label] = told
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else {}


def _refuse_braces(raw: Json) -> None:
    """Refuses a user's string that holds {{: inside arguments and constants it would not stay what it is."""

    def strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for key, below in value.items():
                yield from strings(below, f"{path}.{key}")
        elif isinstance(value, list):
            for place, below in enumerate(value):
                yield from strings(below, f"{path}.{place}")

    for path, value in strings(raw, ""):
        if "{{" in value and value != _EXECUTOR_INPUT:
            raise ConfigError(
                "Argo would take this for one of its own expressions.",
                where=path.strip("."),
                why=value[:200],
                next_step="Write it without two opening braces in a row.",
            )
