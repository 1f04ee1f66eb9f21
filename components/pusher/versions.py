"""What lies under a publish target: <target>/<version>/, TensorFlow Serving's layout, with a manifest in each version.

The target is the truth about what is served; ML Metadata is for lineage (docs/decisions/0002-publish-target.md).
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import posixpath
from typing import TYPE_CHECKING

from fsspec.implementations.local import LocalFileSystem
from pydantic import ValidationError

from schemas import stores
from schemas.errors import PublishError
from schemas.models import SAVED_MODEL_FILE
from schemas.runs import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import fsspec

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Published:
    """One version that a model server would load, and that says where it comes from.

    Args:
        path: its folder; absolute where it is local, else a URL.
        manifest: what lies beside saved_model.pb.
    """

    path: str
    manifest: Manifest


@dataclasses.dataclass(frozen=True)
class Target:
    """A publish target, opened.

    Args:
        system: the file system that it lies on.
        root: its folder, as `system` spells it.
    """

    system: fsspec.AbstractFileSystem
    root: str

    @classmethod
    def open(cls, url: str) -> Target:
        """Opens a folder or a URL that fsspec knows, or minio://; it need not exist, its bucket must.

        Raises: ConfigError: there is no package for such an address.
        """
        stores.check(url, "pusher.target")
        system, root = stores.url_to_fs(url)
        return cls(system, root.rstrip("/"))

    @property
    def local(self) -> bool:
        """Whether a folder can be renamed in one step here; object stores can't."""
        return isinstance(self.system, LocalFileSystem)

    def folder(self, name: object) -> str:
        """Path of a folder in the target, as `system` spells it."""
        return f"{self.root}/{name}"

    def address(self, version: int) -> str:
        """A version's folder, as anyone outside can open it."""
        return self.folder(version) if self.local else self.system.unstrip_protocol(self.folder(version))

    def names(self) -> list[str]:
        """Names of everything that lies in the target."""
        self.system.invalidate_cache()
        try:
            return [posixpath.basename(path.rstrip("/")) for path in self.system.ls(self.root, detail=False)]
        except (FileNotFoundError, NotADirectoryError) as error:
            if stores.no_bucket(error):
                raise
            return []

    def numbers(self) -> list[int]:
        """Version numbers in use, newest first, complete or not."""
        return sorted((int(name) for name in self.names() if name.isascii() and name.isdigit()), reverse=True)

    def complete(self, version: int) -> bool:
        """Whether a model server would load the version."""
        return self.system.exists(f"{self.folder(version)}/{SAVED_MODEL_FILE}")

    def published(self, version: int) -> Published | None:
        """The version, or None where it is not complete or its manifest can't be read.

        Of an object store only where there is none, or it says nothing: whoever can't reach the store must not go on
        as if less were served.
        """
        folder = self.folder(version)
        try:
            if not self.complete(version):
                return None
            manifest = Manifest.model_validate_json(self.system.cat_file(f"{folder}/{MANIFEST_FILE}"))
        except (OSError, ValidationError) as error:
            if not self.local and not isinstance(error, (FileNotFoundError, ValidationError)):
                raise
            _log.warning("%s is left out: its %s can't be read (%s).", folder, MANIFEST_FILE, type(error).__name__)
            return None
        return Published(self.address(version), manifest)


@contextlib.contextmanager
def reading(target: str) -> Iterator[None]:
    """Words what a store does in place of answering.

    Raises: PublishError: it failed.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, stores.failures()):
            raise
        raise PublishError(
            "The publish target can't be read.",
            where=target,
            why=f"{type(error).__name__}: {error}",
            next_step="See that the address, the store's endpoint and the keys are right (docs/kubeflow.md, Object "
            "stores), then run the same command.",
        ) from error


def published_versions(target: str) -> list[Published]:
    """Versions under a publish target, newest first.

    Args:
        target: a folder or a URL that fsspec can open; it need not exist.
    Returns: those that a model server would load and whose manifest can be read; anything else is passed over.
    Raises: PublishError: an object store doesn't answer, or lets nobody in.
    """
    with reading(target):
        opened = Target.open(target)
        versions = (opened.published(version) for version in opened.numbers())
        return [version for version in versions if version]


def published_at(address: str) -> bool:
    """Whether a model server would load what lies at the folder or URL of one version.

    Raises: PublishError: an object store doesn't answer, or lets nobody in.
    """
    target, _, version = address.rstrip("/").rpartition("/")
    with reading(target):
        return version.isascii() and version.isdigit() and Target.open(target).complete(int(version))


def reachable(target: str) -> None:
    """Looks at a publish target once, so that a run ends before its training, not after it.

    Raises: PublishError: the object store doesn't answer, lets nobody in, or has no such bucket.
    """
    with reading(target):
        Target.open(target).names()
