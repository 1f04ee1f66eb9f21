"""MovieLens-100K, fetched with a hash check and kept between runs.

GroupLens' own file is asked first, the copy inside the wheel of recbole 1.2.1 second. Both hold the same 1,979,173
bytes of ratings, so `interactions.csv` is the same to the byte whichever of the two gave it. The data are GroupLens',
free for research under the terms of their README, hence fetched and never shipped (Harper and Konstan: The MovieLens
datasets, ACM TiiS 2015).
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable

import polars as pl

from schemas.errors import DataError

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / "data"
FOLDER = "movielens-100k"
INTERACTIONS = "interactions.csv"
ITEMS = "items.csv"
HEADER = b"user_id,item_id,rating,timestamp\n"
ARCHIVE = "ml-100k.zip"

_URL = f"https://files.grouplens.org/datasets/movielens/{ARCHIVE}"
_ARCHIVE_SHA256 = "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"
_RATINGS_SHA256 = "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490"  # u.data: tabs, no header
_WHEEL = "recbole==1.2.1"
_WHEEL_SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
_WHEEL_FOLDER = "recbole/dataset_example/ml-100k"
_WHEEL_ITEMS_SHA256 = "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532"
_PATIENCE = (4, 30)  # seconds to connect, seconds without a byte
_INSTALL_PATIENCE = 180  # seconds for the wheel, retries included
# fmt: off
_GENRES = [
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
]
# fmt: on

_log = logging.getLogger(__name__)


def ensure(cache_dir: pathlib.Path = CACHE) -> pathlib.Path:
    """The 100,000 ratings as a CSV file, fetched only where no good copy is kept.

    Args:
        cache_dir: where data are kept; `movielens-100k/` is made in it, with items.csv beside the ratings.
    Returns: path of interactions.csv: user_id, item_id, rating, timestamp (seconds), in GroupLens' row order.
    Raises: DataError: none of the sources can be had and nothing is kept.
    """
    folder = pathlib.Path(cache_dir).absolute() / FOLDER  # the installer works in a folder of its own
    interactions = folder / INTERACTIONS
    if interactions.is_file() and _sha256(_as_ratings(interactions.read_bytes())) == _RATINGS_SHA256:
        return interactions
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for name, source in (("GroupLens", _from_grouplens), (f"the package {_WHEEL}", _from_wheel)):
        try:
            ratings, items = source(folder)
            _check(ratings, _RATINGS_SHA256, f"ratings from {name}")
        except Exception as error:  # a source may fail in any way of its network or its tools; the next one is tried
            failures.append(f"{name}: {_first_line(error)}")
            _log.info("MovieLens-100K: %s", failures[-1])
            continue
        _write(folder / ITEMS, items.write_csv().encode())
        _write(interactions, HEADER + ratings.replace(b"\t", b","))
        return interactions
    raise DataError(
        "MovieLens-100K can't be fetched, and no copy of it is kept",
        where=str(interactions),
        why="\n".join(failures),
        next_step=f"repeat with a network, put GroupLens' {ARCHIVE} into {folder}, "
        "or run on a file of your own: `seqrank run --data FILE`",
    )


def ensure_configured(patterns: Iterable[str]) -> None:
    """Fetches what a run's data name: a path that ends in movielens-100k/ or movielens-1m/interactions.csv.

    Args:
        patterns: the configuration's `example_gen.data`; relative paths count from the working directory.
    Raises: DataError: as `ensure`.
    """
    from pipeline.datasets import movielens_1m

    fetchers = {FOLDER: ensure, movielens_1m.FOLDER: movielens_1m.ensure}
    for pattern in map(pathlib.Path, patterns):
        if pattern.name == INTERACTIONS and pattern.parent.name in fetchers:
            fetchers[pattern.parent.name](pattern.parent.parent)


def _from_grouplens(folder: pathlib.Path) -> tuple[bytes, pl.DataFrame]:
    """Ratings and items of GroupLens' archive, which stays in `folder`; one that lies there already is taken."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    archive = pooch.retrieve(
        _URL,
        known_hash=f"sha256:{_ARCHIVE_SHA256}",
        fname=ARCHIVE,
        path=folder,
        downloader=pooch.HTTPDownloader(timeout=_PATIENCE),
    )
    with zipfile.ZipFile(archive) as opened:
        return opened.read("ml-100k/u.data"), _items_of_grouplens(opened.read("ml-100k/u.item"))


def _items_of_grouplens(table: bytes) -> pl.DataFrame:
    """u.item (id | title (year) | dates, address | 19 flags, Latin-1) -> item_id, title, year, genres joined by |."""
    utf8 = io.BytesIO(table.decode("latin-1").encode())
    frame = pl.read_csv(
        utf8,
        separator="|",
        has_header=False,
        new_columns=["id", "title", "released", "video", "address", *_GENRES],
        quote_char=None,
        infer_schema=False,
    )
    title = pl.col("title")
    flags = [pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in _GENRES]
    return frame.select(
        item_id=pl.col("id"),
        title=title.str.replace(r"\s*\(\d{4}\)\s*(\(V\))?\s*$", ""),
        year=title.str.extract(r"\((\d{4})\)\s*(?:\(V\))?\s*$", 1),
        genres=pl.concat_str(flags, separator="|", ignore_nulls=True),
    )


def _from_wheel(folder: pathlib.Path) -> tuple[bytes, pl.DataFrame]:
    """Ratings and items of the copy that recbole's wheel carries; the installer checks the wheel's own hash."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wanted = pathlib.Path(scratch) / "requirements.txt"
        wanted.write_text(f"{_WHEEL} --hash=sha256:{_WHEEL_SHA256}\n")
        target = pathlib.Path(scratch) / "target"
        options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(target)]
        command = [*_installer(pathlib.Path(scratch)), *options, "-r", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_PATIENCE, cwd=scratch)
        if done.returncode:
            raise OSError(_last_line(done.stderr) or f"{command[0]} ended with status {done.returncode}")
        ratings = (target / _WHEEL_FOLDER / "ml-100k.inter").read_bytes()
        items = (target / _WHEEL_FOLDER / "ml-100k.item").read_bytes()
    _check(items, _WHEEL_ITEMS_SHA256, "items from the package")
    return ratings.split(b"\n", 1)[1].rstrip(b"\n") + b"\n", _items_of_wheel(items)


def _items_of_wheel(table: bytes) -> pl.DataFrame:
    """ml-100k.item (tabs; the year apart, genres joined by spaces) -> item_id, title, year, genres joined by |."""
    frame = pl.read_csv(io.BytesIO(table), separator="\t", quote_char=None, infer_schema=False)
    missing = pl.col("movie_title:token_seq") == "unkonwn"  # the copy's spelling
    return frame.select(
        item_id=pl.col("item_id:token"),
        title=pl.when(missing).then(pl.lit("unknown")).otherwise(pl.col("movie_title:token_seq")),
        year=pl.when(~missing).then(pl.col("release_year:token")),
        genres=pl.col("class:token_seq").str.replace_all(" ", "|", literal=True),
    )


def _installer(scratch: pathlib.Path) -> list[str]:
    """`pip install` in some form: uv's, this environment's, or a small one's; a uv environment has no pip."""
    uv = ROOT / ".uv" / "bin" / "uv"
    found = str(uv) if uv.is_file() else shutil.which("uv")
    if found:
        return [found, "pip", "install", "--no-config", "--python", sys.executable]
    python = sys.executable
    if importlib.util.find_spec("pip") is None:
        subprocess.run([python, "-m", "venv", str(scratch / "venv")], check=True, capture_output=True)
        python = str(scratch / "venv" / "bin" / "python")
    return [python, "-m", "pip", "install", "--disable-pip-version-check"]


def _as_ratings(csv: bytes) -> bytes:
    """interactions.csv back into the bytes of u.data."""
    return csv.removeprefix(HEADER).replace(b",", b"\t")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _check(data: bytes, expected: str, name: str) -> None:
    if _sha256(data) != expected:
        raise ValueError(f"{name}: SHA-256 is {_sha256(data)}, and {expected} is expected")


def _write(path: pathlib.Path, data: bytes) -> None:
    """All of it or nothing, for a run beside this one or a kill."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(data)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:300]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
