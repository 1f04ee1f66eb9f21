"""Beam's S3 file system, over connections with timeouts, and with errors that mean something to whoever reads a file.

As it is, Beam tries a request that broke off again for ten minutes, and raises what is no OSError. Endpoint, region and
keys come from the environment (schemas/stores.py), so that reading and publishing go to the same place.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from apache_beam.io.aws import s3io
from apache_beam.io.aws.clients.s3 import boto3_client, messages
from apache_beam.io.aws.s3filesystem import S3FileSystem
from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems
from apache_beam.utils import retry

from schemas import stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TRIES: Final = 3  # of a request, by botocore
_BUFFER: Final = 4 << 20  # bytes asked of the store at a time
_MISSING, _REPLACED = 404, 412  # of HTTP


class StoreError(OSError, retry.PermanentException):
    """The store failed, after all tries; Beam isn't to begin anew."""


def open_bytes(name: str) -> BinaryIO:
    """Opens a file on any of Beam's file systems: its bytes as stored.

    Raises: OSError: it can't be opened; reading may raise it, too.
    """
    if stores.is_s3(name):
        return ObjectStore().open(stores.canonical(name))
    return FileSystems.open(name, compression_type=CompressionTypes.UNCOMPRESSED)


def match(pattern: str) -> list[tuple[FileMetadata, str]]:
    """Files that a glob matches, each with the store's own tag of its content; "": it has none.

    Raises: OSError: the store fails, or has no such bucket. ValueError: no package for such an address.
    """
    system = ObjectStore() if stores.is_s3(pattern) else FileSystems.get_filesystem(pattern)
    try:
        found = system.match([stores.canonical(pattern)])[0].metadata_list
    except BeamIOError as error:
        raise _innermost(error) from error
    tags = system.tags if isinstance(system, ObjectStore) else {}
    return [(file, tags.get(file.path, "")) for file in found]


def _innermost(error: BaseException) -> BaseException:
    """What went wrong, without what Beam says around it."""
    while isinstance(error, BeamIOError) and error.exception_details:
        error = next(iter(error.exception_details.values()))
    return error


class ObjectStore(S3FileSystem):
    """S3, or whatever speaks its protocol, for reading.

    Attributes:
        tags: ETag by address, of all objects that were listed or opened.
    """

    def __init__(self, pipeline_options: Any = None) -> None:
        super().__init__(pipeline_options)
        self._client = _Client()
        self._io = s3io.S3IO(client=self._client)
        self.tags = self._client.tags

    @classmethod
    def scheme(cls) -> str:
        """No address has it: Beam's own class answers for s3://, and Beam takes no two for one scheme."""
        return "seqrank-s3"

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        for path, (size, updated) in self._io.list_files(dir_or_prefix, with_metadata=True):
            if not path.endswith("/"):  # some tools leave an empty object for a folder
                yield FileMetadata(path, size, updated)

    def exists(self, path: str) -> bool:
        """Whether there is such an object. By a list, which alone tells of a bucket that isn't there."""
        return self._first(path) is not None

    def metadata(self, path: str) -> FileMetadata | None:
        """Size and time of an object that exists."""
        return self._first(path)

    def _first(self, path: str) -> FileMetadata | None:
        first = next(self._list(path), None)  # of all that begin with it, the shortest is the first
        return first if first is not None and first.path == path else None

    def open(self, path: str, mime_type: str = "", compression_type: str = "") -> BinaryIO:
        """An object's bytes as stored."""
        return self._io.open(path, "rb", read_buffer_size=_BUFFER)


class _Client(boto3_client.Client):
    """Beam's own, on our connection."""

    def __init__(self) -> None:  # not the base's: it would make a connection of its own
        env = stores.s3_environment()
        self.client = _SameObject(_connection(env["endpoint_url"], env["region_name"], *stores.s3_keys()))
        self._download_request = self._download_stream = None
        self._download_pos = 0
        self.tags: dict[str, str] = {}

    def get_object_metadata(self, request: messages.GetRequest) -> messages.Item:
        item = _plainly(super().get_object_metadata, request)
        self.tags[f"s3://{request.bucket}/{request.object}"] = self.client.tag = item.etag
        return item

    def list(self, request: messages.ListRequest) -> messages.ListResponse:
        response = _plainly(super().list, request)
        self.tags.update({f"s3://{request.bucket}/{item.key}": item.etag for item in response.items})
        return response

    def get_range(self, request: messages.GetRequest, start: int, end: int) -> bytes:
        """Without the decorator, which tries for ten minutes; what is below it tries twice."""
        data = _plainly(super().get_range.__wrapped__, self, request, start, end)
        if not data:
            raise StoreError(f"the store sent nothing from byte {start} on.")
        return data


class _SameObject:
    """boto3's client, whose get_object refuses another object than the one that was opened.

    Beam reads an object by several requests; somebody may write it anew in between.
    """

    def __init__(self, client: Any) -> None:
        self._client, self.tag = client, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_object(self, **request: Any) -> Any:
        return self._client.get_object(**request, IfMatch=self.tag)


def _plainly(call: Callable[..., Any], *arguments: Any) -> Any:
    """Beam's errors as ours, but for the one by which it knows that an object isn't there.

    Where a connection was closed before an answer, Beam fails while it looks for the answer's status.
    """
    try:
        return call(*arguments)
    except AttributeError as error:
        if not isinstance(error.__context__, stores.failures()):
            raise
        raise StoreError(str(error.__context__)) from error
    except messages.S3ClientError as error:
        if error.code == _MISSING and "NoSuchBucket" not in str(error.message):
            raise
        why = "it was replaced while it was read." if error.code == _REPLACED else str(error.message)
        raise StoreError(why) from error


@functools.lru_cache(maxsize=8)
def _connection(
    endpoint: str | None, region: str | None, key: str | None, secret: str | None, token: str | None
) -> Any:
    """boto3's client, which threads may share; one for each place and key."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=stores.CONNECT_SECONDS,
        read_timeout=stores.READ_SECONDS,
        retries={"total_max_attempts": _TRIES, "mode": "standard"},
    )
    session = boto3.session.Session(key, secret, token)
    return session.client("s3", endpoint_url=endpoint, region_name=region, config=config)
