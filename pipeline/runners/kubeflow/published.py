"""The published models that a step works with: found at the publish target, as a local run's resolvers find them.

A published model becomes an input of the step like any other, only that this process downloads it, not the launcher.
"""

from __future__ import annotations

import logging
import pathlib
from typing import TYPE_CHECKING, Any, Final

from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types import standard_artifacts

from components.pusher import versions
from pipeline.latest_blessed import latest_blessed
from pipeline.start_model import latest_of_other_data
from schemas import stores
from schemas.contents import READ_COUNTS_FILE
from schemas.digest import directory_digest
from schemas.models import publishable_folder
from schemas.records import ReadCounts

if TYPE_CHECKING:
    from components.pusher.versions import Published
    from pipeline.runners.kubeflow.step import Step

_log = logging.getLogger(__name__)
DATA: Final = "read"  # input that the package adds to Trainer's step: what files this run has read
_DIGEST, _VERSION, _HEAD = "digest", "version", "head"


def add_baseline(step: Step, target: str, folder: pathlib.Path) -> None:
    """Gives Evaluator's step the latest blessed model that isn't the candidate, if there is one.

    Of a model that was trained on the validation labels, too, there is nothing here that was measured in its stead:
    only the run that made it has that. Then there is no comparison.
    """
    candidate = publishable_folder(_path(step, "model"))
    found = latest_blessed(target, leave_out=directory_digest(candidate))
    if found is not None and found.manifest.refit:
        _log.warning("%s was refitted, and what was measured for it is not published: no comparison.", found.path)
        found = None
    _add(step, "baseline_model", found, folder)


def add_start(step: Step, target: str, folder: pathlib.Path) -> None:
    """Gives Trainer's step the latest published model of other data than this run's, if there is one."""
    read = pathlib.Path(_path(step, DATA), READ_COUNTS_FILE).read_text(encoding="utf-8")
    del step.invocation["inputs"]["artifacts"][DATA]  # it was for this alone
    files = [file.model_dump() for file in ReadCounts.model_validate_json(read).files]
    _add(step, "start_model", latest_of_other_data(target, files), folder)


def _path(step: Step, name: str) -> str:
    artifact: dict[str, Any] = step.invocation["inputs"]["artifacts"][name]["artifacts"][0]
    return str(artifact["uri"])


def _add(step: Step, name: str, found: Published | None, folder: pathlib.Path) -> None:
    _log.info("%s: %s", name, found.path if found else "none")
    if found is None:
        return
    local = folder / name
    with versions.reading(found.path):
        system, root = stores.url_to_fs(found.path)
        system.get(root.rstrip("/") + "/", f"{local}/", recursive=True)
    step.remote[str(local)] = found.path  # so that properties name where it is published
    metadata = {_DIGEST: found.manifest.digest, _VERSION: str(found.manifest.version), _HEAD: found.manifest.head}
    schema = compiler_utils.get_artifact_schema(standard_artifacts.Model)
    schema = schema.decode() if isinstance(schema, bytes) else schema  # as TFX reads it from its file
    artifact = {"name": found.path, "uri": str(local), "type": {"instanceSchema": schema}, "metadata": metadata}
    step.invocation["inputs"].setdefault("artifacts", {})[name] = {"artifacts": [artifact]}
