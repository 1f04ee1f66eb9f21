"""What a cluster has to be told: image, stores, resources of each stage, secrets and volumes."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

_KUBERNETES_NAME: Final = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
_QUANTITY: Final = r"^[0-9]+(\.[0-9]+)?(m|[kMGTP]i?)?$"
_VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
ALL: Final = "default"  # of resources: the stages that aren't named


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Quantity = Annotated[str, Field(pattern=_QUANTITY, coerce_numbers_to_str=True)]
Variable = Annotated[str, Field(pattern=_VARIABLE)]
Name = Annotated[str, Field(pattern=_KUBERNETES_NAME)]


class Resources(_Section):
    """Of one stage's container, as Kubernetes spells quantities; null: the cluster's default."""

    cpu: Annotated[Quantity | None, Field(description="processors asked for: 2, 500m")] = None
    cpu_limit: Annotated[Quantity | None, Field(description="most processors")] = None
    memory: Annotated[Quantity | None, Field(description="memory asked for: 4Gi")] = None
    memory_limit: Annotated[Quantity | None, Field(description="most memory; a step that takes more is killed")] = None


class Toleration(_Section):
    """A taint that the Trainer's pod bears, as in a pod's spec."""

    key: Annotated[str, Field(description="the taint's key")] = "nvidia.com/gpu"
    operator: Annotated[str, Field(description="Exists, or Equal with a value", pattern="^(Exists|Equal)$")] = "Exists"
    value: Annotated[str | None, Field(description="the taint's value, for Equal")] = None
    effect: Annotated[
        str | None,
        Field(
            description="NoSchedule, NoExecute, PreferNoSchedule; null: any", pattern="^(Prefer)?No(Schedule|Execute)$"
        ),
    ] = "NoSchedule"


class Accelerator(_Section):
    """What the Trainer alone asks for."""

    resource: Annotated[str, Field(description="Kubernetes' name of the device", min_length=1)] = "nvidia.com/gpu"
    count: Annotated[int, Field(description="devices", gt=0)] = 1
    node_selector: Annotated[dict[str, str], Field(description="labels that the node must have")] = {}
    tolerations: Annotated[tuple[Toleration, ...], Field(description="taints that the pod bears")] = (Toleration(),)


class Secret(_Section):
    """Keys of a Kubernetes secret, as environment variables of every step."""

    name: Annotated[Name, Field(description="the secret's name in the run's namespace")]
    env: Annotated[dict[Variable, str], Field(description="environment variable: key in the secret", min_length=1)]


class Volume(_Section):
    """A persistent volume claim, mounted in every step."""

    claim: Annotated[Name, Field(description="the claim's name in the run's namespace")]
    path: Annotated[str, Field(description="where it is mounted", pattern="^/.+")]


class KubeflowOptions(_Section):
    """What the compiled package says of the cluster. Without Kubeflow nothing of it matters."""

    image: Annotated[
        str,
        Field(
            description="image of every step, pinned by tag or digest (make image builds it). One tagged latest is "
            "pulled anew each time, also where it was loaded by hand",
            min_length=1,
        ),
    ] = "seqrank:1"
    python: Annotated[str, Field(description="the image's Python", min_length=1)] = "python"
    pipeline_root: Annotated[
        str | None,
        Field(
            description="where artifacts go; null: what the cluster has set (ConfigMap kfp-launcher). A run can name "
            "another: seqrank submit --pipeline-root",
            pattern=r"^(gs|s3|minio)://.+",
        ),
    ] = None
    cache: Annotated[
        bool,
        Field(
            description="let Kubeflow take stages from earlier runs. What reads files or the publish target "
            "(InteractionExampleGen, tables, Evaluator, Pusher) is never taken: its key doesn't see their content"
        ),
    ] = True
    resources: Annotated[
        dict[str, Resources],
        Field(description=f"by stage, as Kubeflow's page names them (Trainer, Transform, …); {ALL}: those not named"),
    ] = {}
    accelerator: Annotated[Accelerator | None, Field(description="devices of the Trainer; null: none")] = None
    shared_memory: Annotated[
        Quantity | None, Field(description="size of the Trainer's /dev/shm, in memory; null: the cluster's 64 MiB")
    ] = None
    env: Annotated[dict[Variable, str], Field(description="environment variables of every step")] = {}
    secrets: Annotated[tuple[Secret, ...], Field(description="secrets as environment")] = ()
    volumes: Annotated[
        tuple[Volume, ...], Field(description="claims that are mounted: for published models, checkpoints, data")
    ] = ()
    checkpoint_root: Annotated[
        str,
        Field(
            description="where a killed training leaves what it needs to go on; on a mounted volume a retried step "
            "goes on from there, elsewhere it begins again",
            pattern="^/.+",
        ),
    ] = "/tmp/seqrank-checkpoints"

    @model_validator(mode="after")
    def _distinct(self) -> KubeflowOptions:
        paths = [volume.path.rstrip("/") for volume in self.volumes]
        if len(set(paths)) < len(paths):
            raise ValueError("two volumes have one path")
        variables = [*self.env, *(variable for secret in self.secrets for variable in secret.env)]
        twice = sorted({variable for variable in variables if variables.count(variable) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)}: set twice")
        return self
