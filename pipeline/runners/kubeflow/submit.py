"""From a configuration to a run on Kubeflow Pipelines."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any, Final

from pipeline.runners.kubeflow import arguments, follow
from pipeline.runners.kubeflow.client import Cluster, Run, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pipeline.config import Config
    from pipeline.runners.kubeflow.connection import Access
    from pipeline.runners.kubeflow.package import Package

_DIGITS: Final = 12  # of the package's digest, in the version's name


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is said of one run; None: the default that `seqrank submit --help` states.

    Args:
        parameters: NAME=VALUE.
        cron: six fields: a recurring run.
    """

    experiment: str | None = None
    name: str | None = None
    parameters: tuple[str, ...] = ()
    pipeline_root: str | None = None
    service_account: str | None = None
    cron: str | None = None


@dataclasses.dataclass(frozen=True)
class Submission:
    """What was started. run: None of a recurring one. stages: names of the package's tasks."""

    cluster: Cluster
    run: Run | None
    address: str
    stages: Collection[str]


def submit(config: Config, access: Access, wanted: Wanted, tell: Callable[[str], None]) -> Submission:
    """Compiles, uploads and starts.

    Args:
        tell: is called with a line for each thing that was done.
    Raises:
        ConfigError: the configuration can't be on a cluster, or a parameter or the schedule is wrong; nothing is sent.
        ClusterError: Kubeflow can't be reached or refuses.
    """
    cron = arguments.cron(wanted.cron) if wanted.cron else None
    root = arguments.pipeline_root(wanted.pipeline_root) if wanted.pipeline_root else config.kubeflow.pipeline_root
    cluster = Cluster(access)  # before the compiler's half minute
    tell(f"{access.endpoint} answers. Compiling the chain.")
    package = _compiled(config)
    parameters = arguments.parameters(wanted.parameters, package.pipeline)
    name = str(package.pipeline["pipelineInfo"]["name"])
    version = _upload(cluster, package, name, tell)
    told: dict[str, Any] = {
        "experiment": wanted.experiment or name,
        "parameters": parameters,
        "pipeline_root": root,
        "service_account": wanted.service_account,
    }
    stages = package.pipeline["root"]["dag"]["tasks"].keys()
    if cron:
        made, replaced = cluster.repeat(version, name=wanted.name or name, cron=cron, **told)
        for old in replaced:
            tell(f"Switched off the recurring run of this name that was there: {cluster.repeat_address(old)}")
        return Submission(cluster, None, cluster.repeat_address(made), stages)
    now = datetime.datetime.now(datetime.timezone.utc)
    run = cluster.start(version, name=wanted.name or f"{name}-{now:%Y%m%d-%H%M%S}", **told)
    return Submission(cluster, run, run.address, stages)


def wait(done: Submission, *, timeout: float | None, tell: Callable[[str], None], pause: float = 5.0) -> None:
    """Follows a run to its end.

    Raises: ClusterError: it failed, was cancelled, or hasn't ended in time.
    """
    assert done.run is not None
    ended = follow.follow(done.cluster, done.run.id, done.stages, tell, timeout=timeout, pause=pause)
    if ended.run.state != follow.SUCCEEDED:
        raise follow.failure(done.cluster, ended, done.cluster.access.namespace)
    tell("The run succeeded.")


def _compiled(config: Config) -> Package:
    from pipeline.runners.kubeflow.compile import compile_package  # imports TFX

    return compile_package(config)


def _upload(cluster: Cluster, package: Package, name: str, tell: Callable[[str], None]) -> Version:
    """Uploads under a name that says the content: the same package again makes no other version."""
    text = package.text().encode()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "pipeline.yaml")
        file.write_bytes(text)
        version = cluster.upload(file, name, hashlib.sha256(text).hexdigest()[:_DIGITS])
    tell(f"{name}: {'uploaded' if version.new else 'uploaded before'}, version {version.id}")
    return version
