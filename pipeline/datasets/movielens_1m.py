"""MovieLens-1M, fetched from GroupLens with a hash check and kept between runs.

GroupLens' file is the only source. Its SHA-256 is taken from TensorFlow Datasets
(tensorflow_datasets/url_checksums/movielens.txt, 5,917,549 bytes); Keras' and TensorFlow's examples check the same one.
A copy of the archive that lies in the folder already is taken. The data are GroupLens', free for research under the
terms of their README, hence fetched and never shipped (Harper and Konstan: The MovieLens datasets, ACM TiiS 2015).
"""

from __future__ import annotations

import io
import logging
import pathlib
import zipfile

import polars as pl

from pipeline.datasets import movielens
from schemas.errors import DataError

FOLDER = "movielens-1m"
ARCHIVE = "ml-1m.zip"

_URL = f"https://files.grouplens.org/datasets/movielens/{ARCHIVE}"
_ARCHIVE_SHA256 = "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"
_RATINGS = 1_000_209
_PATIENCE = (4, 30)  # seconds to connect, seconds without a byte


def ensure(cache_dir: pathlib.Path = movielens.CACHE) -> pathlib.Path:
    """The 1,000,209 ratings as a CSV file, fetched only where none is kept.

    Args:
        cache_dir: where data are kept; `movielens-1m/` is made in it, with items.csv beside the ratings.
    Returns: path of interactions.csv: user_id, item_id, rating, timestamp (seconds), in GroupLens' row order.
    Raises: DataError: the archive can't be had and nothing is kept.
    """
    folder = pathlib.Path(cache_dir).absolute() / FOLDER
    interactions = folder / movielens.INTERACTIONS
    if _whole(interactions):
        return interactions
    folder.mkdir(parents=True, exist_ok=True)
    try:
        ratings, items = _read(_archive(folder))
    except Exception as error:  # a network may fail in any way
        raise DataError(
            "MovieLens-1M can't be fetched, and no copy of it is kept",
            where=str(interactions),
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            next_step=f"repeat with a network, put GroupLens' {ARCHIVE} into {folder}, "
            "or run on a file of your own: `seqrank run --data FILE`",
        ) from error
    movielens._write(folder / movielens.ITEMS, items.write_csv().encode())
    movielens._write(interactions, ratings.write_csv().encode())
    return interactions


def _whole(interactions: pathlib.Path) -> bool:
    """Whether a copy has every row: it is written at once or not at all, so a look at its lines will do."""
    return interactions.is_file() and interactions.read_bytes().count(b"\n") == _RATINGS + 1


def _archive(folder: pathlib.Path) -> str:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    return pooch.retrieve(
        _URL,
        known_hash=f"sha256:{_ARCHIVE_SHA256}",
        fname=ARCHIVE,
        path=folder,
        downloader=pooch.HTTPDownloader(timeout=_PATIENCE),
    )


def _read(archive: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """ratings.dat and movies.dat (fields between "::", Latin-1) as user_id … and item_id, title, year, genres."""
    with zipfile.ZipFile(archive) as opened:
        ratings = _fields(opened.read("ml-1m/ratings.dat"), ["user_id", "item_id", "rating", "timestamp"])
        items = _fields(opened.read("ml-1m/movies.dat"), ["item_id", "title", "genres"])
    title = pl.col("title")
    year = r"\s*\((\d{4})\)\s*$"
    return ratings, items.select(
        "item_id", title=title.str.replace(year, ""), year=title.str.extract(year, 1), genres=pl.col("genres")
    )


def _fields(table: bytes, names: list[str]) -> pl.DataFrame:
    """Fields between "::", which no CSV reader splits at; no field holds a tab."""
    tabs = io.BytesIO(table.decode("latin-1").replace("::", "\t").encode())
    return pl.read_csv(tabs, separator="\t", has_header=False, new_columns=names, quote_char=None, infer_schema=False)
