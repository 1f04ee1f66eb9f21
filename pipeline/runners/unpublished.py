"""Pushes whose model is no longer where it was put: the cache must not answer for them.

TFX takes a stage from the cache while its artifact's own folder is there. Pusher's artifact is a note about another
place, the publish target, which people empty, move and roll back by hand.
"""

from __future__ import annotations

import logging
import pathlib
from typing import TYPE_CHECKING, Final

from ml_metadata.proto import metadata_store_pb2 as pb

from components.pusher.versions import published_at

if TYPE_CHECKING:
    from ml_metadata import MetadataStore

    from schemas.runs import OutputRoot

_log = logging.getLogger(__name__)
_PUSHED_MODEL: Final = "PushedModel"  # TFX's artifact type
_DESTINATION: Final = "pushed_destination"  # custom property, of Pusher's


def forget(store: MetadataStore, root: OutputRoot | None = None) -> list[str]:
    """Marks as deleted what Pusher noted of versions that aren't there any more; the next run then pushes anew.

    Args:
        store: ML Metadata; only for the holder of the output root's lock.
        root: only what was pushed from this output root, where others share the store: theirs may be on other disks.
    Returns: folders or addresses of the versions that are missing.
    """
    if _PUSHED_MODEL not in {kind.name for kind in store.get_artifact_types()}:
        return []
    noted = [artifact for artifact in store.get_artifacts_by_type(_PUSHED_MODEL) if artifact.state == pb.Artifact.LIVE]
    if root is not None:
        noted = [artifact for artifact in noted if pathlib.Path(artifact.uri).is_relative_to(root.artifacts)]
    missing = [artifact for artifact in noted if (place := _destination(artifact)) and not published_at(place)]
    for artifact in missing:
        _log.warning("%s is no longer there: Pusher will not come from the cache.", _destination(artifact))
        artifact.state = pb.Artifact.DELETED
    if missing:
        store.put_artifacts(missing)
    return [_destination(artifact) for artifact in missing]


def _destination(artifact: pb.Artifact) -> str:
    return artifact.custom_properties[_DESTINATION].string_value if _DESTINATION in artifact.custom_properties else ""
