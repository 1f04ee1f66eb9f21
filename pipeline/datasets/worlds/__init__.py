"""Made data in the shape of a field: one file a world, found by its name.

A world's file has `SIZE`, what is made where nothing else is asked for, and `make(size, seed) -> World`. Each plants an
order, and knows what the best possible model would reach on it.
"""

from __future__ import annotations

import dataclasses
import gzip
import importlib
import pathlib
import pkgutil
from collections.abc import Mapping
from typing import IO, Final, cast

import numpy as np
import polars as pl

START: Final = 1_740_787_200_000  # milliseconds: 2025-03-01, the first day of every world
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_LONGEST: Final = 540  # days: no world reaches into the future, where rows would be set aside


@dataclasses.dataclass(frozen=True)
class Size:
    """How much to make.

    Args:
        rows: interactions.
        users: who interacts; in `sessions`, terminals.
        items: the catalogue.
    """

    rows: int
    users: int
    items: int


@dataclasses.dataclass(frozen=True)
class World:
    """What was made, and what can be reached on it.

    Args:
        files: tables by file name, as they are written.
        labels: the events that the field's configuration tests on: user, item (str, as in the files), time (int64,
            milliseconds), rank (int64, of the item for an oracle that knows the world's rules and the user's past; 1 is
            best) and popular (int64, its rank by the events before the labels).
        delimiter: between the files' columns.
    """

    files: Mapping[str, pl.DataFrame]
    labels: pl.DataFrame
    delimiter: str = ","

    def ceiling(self, k: int) -> float:
        """HR@k of the best possible model on the labels: the oracle's own, computed on these very data."""
        return float((self.labels["rank"] <= k).mean())  # type: ignore[arg-type]

    def popular(self, k: int) -> float:
        """HR@k of naming the most frequent items to everybody."""
        return float((self.labels["popular"] <= k).mean())  # type: ignore[arg-type]


def names() -> tuple[str, ...]:
    """The worlds there are, in order; none is imported."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def size(name: str) -> Size:
    """What a world makes where nothing else is asked for. Raises: ValueError: no such world."""
    return _load(name).SIZE


def make(name: str, size: Size, seed: int = 0) -> World:
    """Makes a world.

    Args:
        name: one of `names()`.
        size: how much.
        seed: the same seed gives the same world on every machine.
    Raises: ValueError: no such world, or a size that its rules leave no room for.
    """
    if min(size.rows, size.users, size.items) < 1:
        raise ValueError(f"rows, users and items are at least 1; got {size.rows}, {size.users}, {size.items}.")
    world: World = _load(name).make(size, seed)
    if world.labels["time"].max() > START + _LONGEST * DAY:  # type: ignore[operator]
        raise ValueError(f"{size.rows} rows of {size.users} users take more than {_LONGEST} days: ask for more users.")
    return world


def write(world: World, folder: pathlib.Path) -> None:
    """Writes a world's files; those of the same name are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in world.files.items():
        with (folder / name).open("wb") as raw:
            if not name.endswith(".gz"):
                frame.write_csv(raw, separator=world.delimiter)
                continue
            # Level 1 and no time inside: quick, and the same bytes for the same data.
            with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as file:
                frame.write_csv(cast(IO[bytes], file), separator=world.delimiter)


def popular_ranks(item: np.ndarray, is_label: np.ndarray, items: int) -> np.ndarray:
    """Rank of each label's item by the number of events that are no labels.

    Args:
        item: [n] int64 below `items`.
        is_label: [n] bool.
        items: the catalogue.
    Returns: [labels] int64, 1 is best.
    """
    counts = np.bincount(item[~is_label], minlength=items)
    rank = np.empty(items, np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(1, items + 1)
    return rank[item[is_label]]


def named(prefix: str, numbers: np.ndarray, digits: int = 0) -> pl.Series:
    """Ids: the prefix, then the number, with leading zeros where digits are given."""
    text = pl.Series(numbers, dtype=pl.Int64).cast(pl.String)
    return prefix + (text.str.zfill(digits) if digits else text)


def _load(name: str):
    if name not in names():
        raise ValueError(f"There is no world {name!r}; known: {', '.join(names())}.")
    return importlib.import_module(f"{__name__}.{name}")
