"""What Kubeflow's launcher hands a step, in the form that TFX reads, and back.

Facts of open-source Kubeflow Pipelines 2.0 to 2.17 that this makes up for (docs/kubeflow.md, "What a step is told"):
input artifacts come with an empty type, an output `executor-logs` comes along that no component has, and artifacts have
the object store's URI while their files lie on the local disk, where the launcher has put them and will fetch them.
Nothing here knows TFX: it turns one JSON into another.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCAL_ROOTS: Final = {"gs://": "/gcs/", "s3://": "/s3/", "minio://": "/minio/", "oci://": "/oci/"}
LOGS: Final = "executor-logs"
_OURS, _CLASSES = "seqrank", "schemas.artifacts"
MARKER: Final = ".empty"  # object stores keep no folder without a file

Json = dict[str, Any]


def local_path(uri: str) -> str:
    """Where the launcher keeps what lies at a URI (LocalPathForURI of Kubeflow's launcher).

    Raises: DataError: the URI is on no store that the launcher knows.
    """
    for scheme, root in LOCAL_ROOTS.items():
        if uri.startswith(scheme):
            return root + uri[len(scheme) :]
    raise DataError(
        "An artifact is on no store that Kubeflow's launcher knows.",
        where=uri,
        why=f"It knows {', '.join(LOCAL_ROOTS)}.",
        next_step="Start the run with a pipeline root on one of them (seqrank submit --pipeline-root).",
    )


@dataclasses.dataclass(frozen=True)
class Step:
    """One execution, with local paths in place of URIs.

    Args:
        invocation: ExecutorInput of the pipeline spec, as JSON.
        remote: URI by local path, of every artifact.
        output_file: where the launcher looks for the ExecutorOutput.
    """

    invocation: Json
    remote: dict[str, str]
    output_file: pathlib.Path


def read(invocation: Json, inputs_spec: Json, scratch: pathlib.Path) -> Step:
    """Makes an invocation fit for TFX, and output folders with it.

    Args:
        invocation: ExecutorInput, as the launcher pastes it in for {{$}}; changed in place.
        inputs_spec: ComponentInputsSpec of the component, which knows each input's type.
        scratch: file that TFX shall write its ExecutorOutput to: in the launcher's own place a local path would be
            taken for the artifact's address, and TFX's temporary files would be uploaded.
    Raises: DataError: an input isn't there, or is nowhere that the launcher knows.
    """
    outputs = invocation["outputs"]
    outputs.get("artifacts", {}).pop(LOGS, None)
    output_file = pathlib.Path(outputs["outputFile"])
    outputs["outputFile"] = str(scratch)
    remote: dict[str, str] = {}
    for name, artifact in _artifacts(invocation.get("inputs", {})):
        path = _localise(artifact, remote)
        artifact["type"] = dict(inputs_spec["artifacts"][name]["artifactType"])
        _name_class(artifact)
        if not os.path.exists(path):
            raise DataError(f"There is nothing at the input '{name}'.", where=remote[path])
        _unmark(path)
    for _, artifact in _artifacts(outputs):
        os.makedirs(_localise(artifact, remote), exist_ok=True)  # the launcher makes the folder above alone
        _name_class(artifact)
    return Step(invocation, remote, output_file)


def _artifacts(side: Json) -> list[tuple[str, Json]]:
    lists = side.get("artifacts", {}).items()
    return [(name, artifact) for name, value in lists for artifact in value.get("artifacts", [])]


def _name_class(artifact: Json) -> None:
    """Writes where our types' classes are, which TFX imports by the schema's title."""
    schema = artifact["type"].get("instanceSchema", "")
    artifact["type"]["instanceSchema"] = schema.replace(f"title: {_OURS}.", f"title: {_CLASSES}.")


def _localise(artifact: Json, remote: dict[str, str]) -> str:
    path = str(artifact.pop("customPath", None) or local_path(artifact["uri"])).rstrip("/")
    remote[path] = artifact["uri"]
    artifact["uri"] = path
    return path


def written(output: Json, remote: dict[str, str]) -> Json:
    """An ExecutorOutput as the launcher wants it: URIs for local paths, in properties too; no property without a value.

    With a local path as address the launcher uploads nothing and calls the step a success.
    """
    paths = "|".join(re.escape(path) for path in sorted(remote, key=len, reverse=True))
    pattern = re.compile(rf"(?:{paths})(?=/|$)")

    def addressed(value: Any) -> Any:
        return pattern.sub(lambda found: remote[found[0]], value) if remote and isinstance(value, str) else value

    for _, artifact in _artifacts(output):
        artifact["uri"] = remote[artifact["uri"].rstrip("/")]
        metadata = artifact.get("metadata", {})
        artifact["metadata"] = {name: addressed(value) for name, value in metadata.items() if value is not None}
    return output


def mark_empty(folders: Iterable[str]) -> None:
    """Leaves a file in each folder without one, or it would be gone in the next step, which then sees no split."""
    for root in folders:
        for folder, below, files in os.walk(root):
            if not below and not files:
                pathlib.Path(folder, MARKER).touch()


def _unmark(root: str) -> None:
    """Takes the marks away: whoever reads a split takes every file in its folder."""
    for folder, _, files in os.walk(root):
        if MARKER in files:
            pathlib.Path(folder, MARKER).unlink()
