"""`seqrank data`."""

import gzip

import polars as pl
import pytest
from typer.testing import CliRunner

from pipeline.cli.data import app
from pipeline.datasets import movielens, movielens_1m, worlds
from schemas.errors import DataError


def invoke(*words):
    return CliRunner().invoke(app, words)


@pytest.mark.parametrize("name", ["made.csv", "made.csv.gz", "made.parquet"])
def test_synthesize_writes_as_many_rows_as_asked_in_the_format_of_the_name(tmp_path, name):
    path = tmp_path / "new" / name
    done = invoke("synthesize", str(path), "--rows", "500", "--users", "20", "--items", "100")
    assert done.exit_code == 0, done.output
    assert "500 interactions" in done.output
    if name.endswith("parquet"):
        frame = pl.read_parquet(path)
    else:
        text = path.read_bytes()
        frame = pl.read_csv(gzip.decompress(text) if name.endswith("gz") else text)
    assert frame.height == 500
    assert {"user_id", "item_id", "timestamp"} <= set(frame.columns)
    assert not frame.select("user_id", "item_id").is_duplicated().any()


def test_synthesize_with_repeats_and_one_seed_gives_the_same_file(tmp_path):
    words = ("--rows", "300", "--users", "5", "--items", "20", "--seed", "4", "--repeats")
    assert [invoke("synthesize", str(tmp_path / name), *words).exit_code for name in ("a.csv", "b.csv")] == [0, 0]
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.parametrize("name", worlds.names())
def test_synthesize_like_a_field_writes_its_files_and_says_what_can_be_reached(tmp_path, name):
    words = ("--like", name, "--rows", "3000", "--users", "20", "--items", "200", "--seed", "7")
    done = invoke("synthesize", str(tmp_path / "new" / name), *words)
    assert done.exit_code == 0, done.output
    made = worlds.make(name, worlds.Size(rows=3_000, users=20, items=200), 7)
    assert {path.name for path in (tmp_path / "new" / name).iterdir()} == set(made.files)
    assert f"Test HR@10: at most {made.ceiling(10):.3f}" in done.output


@pytest.mark.parametrize(
    "words",
    [
        ("folder", "--like", "shp"),
        ("folder", "--like", "shop", "--repeats"),
        ("folder", "--like", "news", "--items", "50"),
        ("made.xlsx",),
        ("made.csv", "--rows", "0"),
        ("made.csv", "--items", "3"),  # of a million rows, without repeats: once this ate all memory
        ("made.csv", "--rows", "890", "--users", "9", "--items", "99"),
    ],
)
def test_what_cannot_be_made_ends_with_status_2(tmp_path, words):
    assert invoke("synthesize", str(tmp_path / words[0]), *words[1:]).exit_code == 2


@pytest.mark.parametrize(("name", "module"), [("movielens-100k", movielens), ("movielens-1m", movielens_1m)])
def test_movielens_prints_where_it_lies(tmp_path, monkeypatch, name, module):
    monkeypatch.setattr(module, "ensure", lambda folder: folder / name / "interactions.csv")
    done = invoke(name, "--cache", str(tmp_path))
    assert done.output.strip() == str(tmp_path / name / "interactions.csv")


def test_movielens_without_network_and_copy_is_a_worded_error(tmp_path, monkeypatch):
    def offline(folder):
        raise OSError("no network")

    monkeypatch.setattr(movielens, "_from_grouplens", offline)
    monkeypatch.setattr(movielens, "_from_wheel", offline)
    assert isinstance(invoke("movielens-100k", "--cache", str(tmp_path)).exception, DataError)
