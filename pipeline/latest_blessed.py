"""What the publish target serves, and the same as the chain's baseline model.

The target says which model was blessed last, not ML Metadata: a target outlives the database of one machine, and
several may push to it (docs/decisions/0002-publish-target.md).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ml_metadata.errors import NotFoundError
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts

from components.pusher.versions import Published, published_versions
from schemas.digest import directory_digest
from schemas.models import publishable_folder

if TYPE_CHECKING:
    from ml_metadata import MetadataStore
    from tfx.types import Artifact

_log = logging.getLogger(__name__)
_DIGEST, _VERSION, _HEAD = "digest", "version", "head"


def latest_blessed(target: str, leave_out: str = "") -> Published | None:
    """The newest published version that isn't the model in hand.

    Args:
        target: the publish target, a folder or a URL that fsspec can open; it need not exist.
        leave_out: digest of the candidate: a repeated run is then compared with what the first was, and is all cached.
    Returns: the version; None where there is no other.
    """
    versions = published_versions(target)
    return next((version for version in versions if version.manifest.digest != leave_out), None)


class LatestPublished(ResolverStrategy):
    """Exchanges the candidate for the latest blessed model of a publish target, or for nothing.

    The cache key of the stage that reads it holds the whole artifact, id and times included, so the same version must
    be the same artifact each time: it is registered once, with the version's folder as its address and its digest.

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
            input_dict: {"model": [the candidate]}.
        Returns: {"model": [the latest blessed model]}, or an empty list: the stage that reads it then runs without.
        """
        candidate = artifact_utils.get_single_instance(input_dict["model"])
        found = latest_blessed(self._target, leave_out=directory_digest(publishable_folder(candidate.uri)))
        _log.info("Latest blessed model: %s", found.path if found else "none")
        return {"model": as_artifacts(store, found)}


def as_artifacts(store: MetadataStore, published: Published | None) -> list[Artifact]:
    """What stands for a published version in ML Metadata: of a refitted one what was measured.

    Args:
        store: where it is registered at its first use.
        published: the version; None: there is none.
    Returns: one artifact or none.
    """
    if published is None:
        return []
    artifact = _measured(store, published) if published.manifest.refit else _registered(store, published)
    return [artifact] if artifact else []


def _measured(store: MetadataStore, published: Published) -> Artifact | None:
    """What Trainer made together with a refitted model, and what was measured in its stead.

    A model that was trained on the validation labels, too, can't be compared with one that wasn't.

    Returns: None where this ML Metadata doesn't know it, or its files are gone: then there is nothing to compare with.
    """
    kind = _model_type(store)
    for artifact in store.get_artifacts_by_type(standard_artifacts.Model.TYPE_NAME):
        same = artifact.custom_properties[_DIGEST].string_value == published.manifest.digest
        if same and artifact.uri != published.path and fileio.exists(artifact.uri):
            return artifact_utils.deserialize_artifact(kind, artifact)
    _log.warning("%s was refitted, and what was measured for it is gone: nothing to compare with.", published.path)
    return None


def _registered(store: MetadataStore, published: Published) -> Artifact:
    """The published version as an artifact of ML Metadata, made at its first use."""
    kind = _model_type(store)
    found = _find(store, kind.id, published)
    if found is None:
        store.put_artifacts([_new(kind.id, published)])
        found = _find(store, kind.id, published)  # with the times that the store gave it
    return artifact_utils.deserialize_artifact(kind, found)


def _model_type(store: MetadataStore) -> metadata_store_pb2.ArtifactType:
    """TFX registers it with the first model that a store sees, which a published one may be."""
    try:
        return store.get_artifact_type(standard_artifacts.Model.TYPE_NAME)
    except NotFoundError:
        store.put_artifact_type(standard_artifacts.Model().artifact_type)
        return store.get_artifact_type(standard_artifacts.Model.TYPE_NAME)


def _find(store: MetadataStore, kind: int, published: Published) -> metadata_store_pb2.Artifact | None:
    digest = published.manifest.digest
    same = (
        artifact
        for artifact in store.get_artifacts_by_uri(published.path)
        if artifact.type_id == kind and artifact.custom_properties[_DIGEST].string_value == digest
    )
    return min(same, key=lambda artifact: artifact.id, default=None)


def _new(kind: int, published: Published) -> metadata_store_pb2.Artifact:
    artifact = metadata_store_pb2.Artifact(type_id=kind, uri=published.path, state=metadata_store_pb2.Artifact.LIVE)
    artifact.custom_properties[_DIGEST].string_value = published.manifest.digest
    artifact.custom_properties[_VERSION].string_value = str(published.manifest.version)
    artifact.custom_properties[_HEAD].string_value = published.manifest.head
    return artifact
