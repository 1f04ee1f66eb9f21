"""Users who asked to be forgotten: a list that every reader of the log and of the users table leaves out.

A text file of one user a line, as the pipeline calls them: by pseudonym where these are on, else by the id. It is
itself about people, so keep it as the log is kept; whoever deletes a user from the log itself can take the line out.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from schemas import stores
from schemas.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

FORGOTTEN_FILE: Final = "forgotten.txt"  # in the output root


class Forgotten:
    """Who is left out.

    Args:
        users: as the pipeline calls them.
    """

    def __init__(self, users: Iterable[str] = ()) -> None:
        self.users = frozenset(users)

    @classmethod
    def load(cls, place: str | None) -> Forgotten:
        """Reads the list; None: nobody.

        Args:
            place: file, or URL that fsspec can open.
        Raises: DataError: it isn't there or can't be read. Without it everybody on it would come back.
        """
        if place is None:
            return cls()
        try:
            return cls(_read(place))
        except Exception as error:
            if not isinstance(error, (UnicodeDecodeError, *stores.failures())):
                raise
            raise DataError(
                "The list of users to be forgotten can't be read.",
                where=place,
                why=f"{type(error).__name__}: {error}",
                next_step="See that it is there and text in UTF-8; where nobody is on it yet, make an empty one.",
            ) from error

    @functools.cached_property
    def names(self) -> list[str]:
        """Sorted."""
        return sorted(self.users)

    def __bool__(self) -> bool:
        return bool(self.users)

    def among(self, users: pa.Array) -> pa.Array:
        """[n] string -> [n] bool."""
        return pc.is_in(users, value_set=pa.array(self.names, pa.string()))

    def mark(self, fingerprint: str) -> str:
        """A fingerprint of data that are read without them."""
        if not self:
            return fingerprint
        return f"{fingerprint}-{hashlib.sha256(chr(10).join(self.names).encode()).hexdigest()[:12]}"


def add(place: str, users: Iterable[str]) -> list[str]:
    """Puts users on a list, which is made where it isn't there.

    Returns: those that were not on it.
    Raises: ConfigError: one of them can't be written as a line, or the list can't be written.
    """
    wanted = list(dict.fromkeys(users))
    wrong = next((user for user in wanted if not user or set(user) & set("\r\n")), None)
    if wrong is not None:
        raise ConfigError(f"{wrong!r} is no user id: an id is one line.", where=place)
    try:
        system, path = stores.url_to_fs(place)
        known = _read(place) if system.exists(path) else []
        new = [user for user in wanted if user not in known]
        if new:
            part = path if stores.scheme(place) else f"{path}.part"  # an object store writes whole files anyhow
            with system.open(part, "wb") as file:
                file.write("".join(f"{user}\n" for user in [*known, *new]).encode())
            if part != path:
                system.mv(part, path)
    except Exception as error:
        if not isinstance(error, (UnicodeDecodeError, *stores.failures())):
            raise
        raise ConfigError("The list of users to be forgotten can't be written.", where=place, why=str(error)) from error
    return new


def _read(place: str) -> list[str]:
    system, path = stores.url_to_fs(place)
    with system.open(path, "rb") as file:
        lines = file.read().decode("utf-8").replace("\r\n", "\n").split("\n")
    return list(dict.fromkeys(line for line in lines if line))
