"""The package that Kubeflow Pipelines runs: TFX's compiler writes it, and `package.py` finishes it."""

from __future__ import annotations

import pathlib
import re
import tempfile
from typing import TYPE_CHECKING, Any, Final

import yaml

from pipeline.runners.beam.check import check
from pipeline.runners.kubeflow import package
from schemas.errors import ConfigError
from schemas.runs import OutputRoot

if TYPE_CHECKING:
    from pipeline.config import Config

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_SCRATCH: Final = pathlib.Path("/tmp/seqrank")  # of a step's pod; only checkpoints go there


def compile_package(config: Config) -> package.Package:
    """Compiles the very pipeline that a local run has.

    Args:
        config: the resolved configuration.
    Returns: the two documents of a package.
    Raises: ConfigError: something in the configuration can't be on a cluster.
    """
    target = _checked(config)
    check(config.run.beam, here=False)
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as runner

    from pipeline import erasure
    from pipeline.pipeline import create_pipeline
    from pipeline.training import FoundInStep

    run = config.run.model_copy(update={"name": pipeline_name(config)})
    chain = create_pipeline(
        erasure.completed(config).model_copy(update={"run": run}),
        OutputRoot(_SCRATCH),
        fingerprints={"example_gen": "", "items": "", "users": ""},  # each step makes its own
        metadata=None,
        published=FoundInStep(),
    )
    chain.enable_cache = False  # task by task, which TFX can't say
    told = runner.KubeflowV2DagRunnerConfig(default_image=config.kubeflow.image, use_pipeline_spec_2_1=True)
    with tempfile.TemporaryDirectory() as folder:
        runner.KubeflowV2DagRunner(told, output_dir=folder, output_filename="raw.yaml").run(chain)
        raw: dict[str, Any] = yaml.safe_load((pathlib.Path(folder) / "raw.yaml").read_text(encoding="utf-8"))
    return package.finish(raw, config, target)


def pipeline_name(config: Config) -> str:
    """The run's name in the letters that Kubeflow takes."""
    name = re.sub(r"[^a-z0-9-]", "-", config.run.name.lower())
    if not _NAME.fullmatch(name):
        raise ConfigError("The name can't be a Kubeflow pipeline's.", where="run.name", why=config.run.name)
    return name


def _checked(config: Config) -> str:
    """Refuses what would only fail, or be lost, on the cluster; returns the publish target."""
    target = config.pusher.target
    mounted = [volume.path.rstrip("/") for volume in config.kubeflow.volumes]
    if target is None or not ("://" in target or any(f"{target}/".startswith(f"{path}/") for path in mounted)):
        raise ConfigError(
            "A model that is published into a step's own file system is lost with its pod.",
            where="pusher.target",
            why=f"it is {target or 'not set'}.",
            next_step="Set pusher.target to s3://…, gs://… or a folder on one of kubeflow.volumes.",
        )
    if config.run.beam.ship_code:
        raise ConfigError(
            "A step has no checkout to send to Beam's workers.",
            where="run.beam.ship_code",
            next_step="Let the workers be of the steps' image, which has the code.",
        )
    return target
