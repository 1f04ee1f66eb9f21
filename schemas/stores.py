"""Object stores: what their addresses mean, how fsspec opens them, and what is missing where it can't.

s3:// and minio:// are one: S3 or whatever speaks its protocol at AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, with the keys
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and the region AWS_REGION, or wherever else Amazon's clients look for them.
minio:// is how Kubeflow's launcher spells an address of a MinIO server. gs:// is Google's.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

import fsspec

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECT_SECONDS = 10.0  # to a connection
READ_SECONDS = 30.0  # without a byte from the store
_MINIO: Final = "minio://"
_S3: Final = "s3://"
_NEEDED: Final = {  # scheme -> extra of pyproject.toml, packages that fsspec needs, packages that Beam needs
    "s3": ("s3", ("s3fs",), ("boto3",)),
    "gs": ("gcs", ("gcsfs",), ("google.cloud.storage",)),
    "gcs": ("gcs", ("gcsfs",), ()),
}
# What the stores' clients raise when a store fails them; not all of it is an OSError.
_FAILURES: Final = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("aiohttp", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
)

T = TypeVar("T")


def canonical(url: str) -> str:
    """The address that every library knows: s3:// for minio://, anything else as it is."""
    return _S3 + url[len(_MINIO) :] if url.startswith(_MINIO) else url


def scheme(url: str) -> str:
    """What stands before "://", once the address is canonical; "" for a local path."""
    before, found, _ = canonical(url).partition("://")
    return before if found and before != "file" else ""


def is_s3(url: str) -> bool:
    """Whether S3's protocol leads there."""
    return scheme(url) == "s3"


def s3_environment() -> dict[str, str | None]:
    """Endpoint and region by the environment, as arguments of boto3; None: by whatever else Amazon's clients read.

    Those take the region from AWS_DEFAULT_REGION alone.
    """
    env = os.environ.get
    return {
        "endpoint_url": env("AWS_ENDPOINT_URL_S3") or env("AWS_ENDPOINT_URL") or None,
        "region_name": env("AWS_REGION") or env("AWS_DEFAULT_REGION") or None,
    }


def s3_keys() -> tuple[str | None, str | None, str | None]:
    """Key, secret and session token of the environment; all None: Amazon's clients look further."""
    env = os.environ.get
    key, secret = env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")
    return (key, secret, env("AWS_SESSION_TOKEN") or None) if key and secret else (None, None, None)


def url_to_fs(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """fsspec's function of that name, for object stores with timeouts and without a memory of listings.

    Returns: the file system, and the path as that spells it.
    Raises: ImportError, ValueError: no package for the scheme, or no such scheme; `check` words it.
    """
    return fsspec.core.url_to_fs(canonical(url), **(s3_arguments() if is_s3(url) else {}))


@contextlib.contextmanager
def on_disk(folder: str) -> Iterator[str]:
    """A folder's files on this machine: itself, or, of an object store, a copy that goes with the block."""
    system, path = url_to_fs(folder)
    if not scheme(folder):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="seqrank-") as scratch:
        system.get(f"{path.rstrip('/')}/", f"{scratch}/", recursive=True)
        yield scratch


def open_file(url: str, *, compression: str | None = None) -> fsspec.core.OpenFile:
    """fsspec's `open` for reading bytes, likewise."""
    arguments = s3_arguments() if is_s3(url) else {}
    return fsspec.open(canonical(url), "rb", compression=compression, **arguments)


def s3_arguments(connect: float = CONNECT_SECONDS) -> dict[str, Any]:
    """What s3fs is to be told; `connect`: seconds to a connection."""
    told, (key, secret, token) = s3_environment(), s3_keys()
    # s3fs tries again by itself; with botocore's own tries inside each, a dead server would take many minutes.
    config = {
        "connect_timeout": connect, "read_timeout": READ_SECONDS, "retries": {"total_max_attempts": 1},
    }  # fmt: skip
    client = {"region_name": told["region_name"]} if told["region_name"] else {}
    return {
        "endpoint_url": told["endpoint_url"],
        "key": key,
        "secret": secret,
        "token": token,
        "client_kwargs": client,
        "config_kwargs": config,
        "use_listings_cache": False,
    }


def failures() -> tuple[type[BaseException], ...]:
    """What to catch where a store, or a disk, may fail. To be asked when it has: clients are imported late."""
    loaded = (getattr(sys.modules[module], name) for module, name in _FAILURES if module in sys.modules)
    return (OSError, asyncio.TimeoutError, *loaded)


def no_bucket(error: BaseException) -> bool:
    """Whether it was the bucket that fsspec didn't find; a folder without files isn't there either."""
    answer = getattr(error.__cause__, "response", None) or {}  # of botocore's ClientError
    return answer.get("Error", {}).get("Code") == "NoSuchBucket"


def check(url: str, key: str, *, by_beam: bool = False) -> None:
    """Sees that this Python has what an address needs.

    Args:
        url: a path, a glob or a URL.
        key: of the configuration, for the message.
        by_beam: Beam will read it; else fsspec writes it.
    Raises: ConfigError: no such scheme, or a package is missing; the message names the extra that brings it.
    """
    name = scheme(url)
    extra, for_fsspec, for_beam = _NEEDED.get(name, ("", (), ()))
    missing = [package for package in (for_beam if by_beam else for_fsspec) if not _installed(package)]
    if missing:
        raise ConfigError(
            f"{name}:// needs {' and '.join(missing)}, which this Python lacks.",
            where=f"{key}: {url}",
            next_step=f"pip install '.[{extra}]' in the checkout"
            + (", on Python 3.11 or newer." if extra == "gcs" and sys.version_info < (3, 11) else "."),
        )
    if by_beam or not name or extra:
        return
    try:
        fsspec.get_filesystem_class(name)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"There is no way to write to {name}://.", where=f"{key}: {url}", why=str(error)) from error


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ModuleNotFoundError, ValueError):  # not even the package above it, or an import that was blocked
        return False


def within(seconds: float, call: Callable[[], T]) -> T:
    """Calls, and gives up after a while: a store that stops taking bytes in the middle of one would hold us for ever.

    The call itself can't be ended. It goes on in a thread that doesn't keep the process.

    Raises: TimeoutError: it took longer. Whatever the call raises.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"it took longer than {seconds:.0f} s")
    if failed:
        raise failed[0]
    return done[0]
