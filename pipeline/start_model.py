"""The published model whose weights a training begins with."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import fsspec
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types import artifact_utils

from components.pusher.versions import Published, published_versions
from pipeline.latest_blessed import as_artifacts
from pipeline.runners import metadata
from schemas.contents import READ_COUNTS_FILE
from schemas.records import ReadCounts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ml_metadata import MetadataStore
    from tfx.types import Artifact

_log = logging.getLogger(__name__)


def latest_of_other_data(
    target: str, files: Sequence[Mapping[str, Any]], retired: Collection[str] = ()
) -> Published | None:
    """The newest published version that was made from other data than these.

    A model of these very data is no start for a training on them: it would only train longer, and each repeated run
    once more, where it can be all cached. By span it is one whose newest span is older than these data's: all trainings
    on one span begin with the same model, which can't have seen that span's labels; one that says no spans could.

    Args:
        target: the publish target, a folder or a URL that fsspec can open; it need not exist.
        files: what was read (schemas.records.ReadFile), as a version's manifest has it.
        retired: addresses of versions that derive from forgotten users; none of them is a start.
    Returns: the version; None where there is no other.
    """
    versions = (version for version in published_versions(target) if version.path not in retired)
    return next((version for version in versions if _other(version.manifest.data, files)), None)


def _other(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> bool:
    """Whether files that a version was made from let a training on these begin with it."""
    learnt, read = ([file["span"] for file in files if file.get("span") is not None] for files in (before, now))
    if read:
        return bool(learnt) and max(learnt) < max(read)
    hashes = [sorted(str(file.get("sha256")) for file in files) for files in (before, now)]
    return hashes[0] != hashes[1]


class LatestOfOtherData(ResolverStrategy):
    """Finds the model that a training begins with: the latest published one that other data made, or none.

    Args:
        target: the publish target.
    """

    def __init__(self, target: str) -> None:
        self._target = target

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: dict[str, list[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """Looks the target up.

        Args:
            store: ML Metadata, where the published model is registered.
            input_dict: {"model": [whatever models there are], "rejected": [InteractionExampleGen's]}; the latter says
                what files were read.
        Returns: {"model": [the model to begin with], "rejected": as given}; no model: the training begins afresh.
        """
        rejected = artifact_utils.get_single_instance(input_dict["rejected"])
        with fsspec.open(f"{rejected.uri.rstrip('/')}/{READ_COUNTS_FILE}", "rb") as file:
            read = ReadCounts.model_validate_json(file.read())
        retired = metadata.retired(store, deleted=True)
        found = latest_of_other_data(self._target, [file.model_dump() for file in read.files], retired)
        _log.info("Training begins with: %s", found.path if found else "no published model")
        return {"model": as_artifacts(store, found), "rejected": input_dict["rejected"]}
