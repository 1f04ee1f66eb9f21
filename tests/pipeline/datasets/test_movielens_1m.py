"""MovieLens-1M from an archive like GroupLens', from the kept copy, and from nowhere."""

import hashlib
import zipfile

import pytest

from pipeline.datasets import movielens, movielens_1m
from schemas.errors import DataError

RATINGS = "1::1193::5::978300760\n1::661::3::978302109\n"
MOVIES = "1193::One Flew Over the Cuckoo's Nest (1975)::Drama\n661::Misérables, Les: a (b) (1995)::Drama|Musical\n"


@pytest.fixture
def archive(monkeypatch, tmp_path):
    """An archive of two ratings in the place where a person would put GroupLens'."""
    path = tmp_path / movielens_1m.FOLDER / movielens_1m.ARCHIVE
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("ml-1m/ratings.dat", RATINGS)
        file.writestr("ml-1m/movies.dat", MOVIES.encode("latin-1"))
    monkeypatch.setattr(movielens_1m, "_ARCHIVE_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(movielens_1m, "_RATINGS", 2)
    return path


def test_archive_becomes_ratings_and_items(archive, tmp_path):
    interactions = movielens_1m.ensure(tmp_path)
    assert interactions.read_text() == movielens.HEADER.decode() + "1,1193,5,978300760\n1,661,3,978302109\n"
    assert (interactions.parent / "items.csv").read_text() == (
        "item_id,title,year,genres\n1193,One Flew Over the Cuckoo's Nest,1975,Drama\n"
        '661,"Misérables, Les: a (b)",1995,Drama|Musical\n'
    )


def test_kept_copy_needs_no_archive(archive, tmp_path):
    kept = movielens_1m.ensure(tmp_path)
    archive.unlink()
    assert movielens_1m.ensure(tmp_path) == kept


def test_configured_path_is_fetched(archive, tmp_path):
    path = tmp_path / movielens_1m.FOLDER / movielens.INTERACTIONS
    movielens.ensure_configured([str(path)])
    assert path.is_file()


def test_an_archive_of_other_bytes_is_not_taken(archive, monkeypatch, tmp_path):
    monkeypatch.setattr(movielens_1m, "_URL", "http://127.0.0.1:9/ml-1m.zip")
    archive.write_bytes(archive.read_bytes() + b"more")
    with pytest.raises(DataError, match="no copy of it is kept"):
        movielens_1m.ensure(tmp_path)
    assert not (archive.parent / movielens.INTERACTIONS).exists()


def test_a_copy_that_lost_rows_is_made_anew(archive, tmp_path):
    kept = movielens_1m.ensure(tmp_path)
    whole = kept.read_bytes()
    kept.write_bytes(whole[:40])
    assert movielens_1m.ensure(tmp_path).read_bytes() == whole


def test_without_network_and_copy_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(movielens_1m, "_URL", "http://127.0.0.1:9/ml-1m.zip")
    with pytest.raises(DataError, match=r"seqrank run --data FILE"):
        movielens_1m.ensure(tmp_path)
