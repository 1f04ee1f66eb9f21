"""JSON and Parquet on this machine and on a store elsewhere; what isn't there, or can't be reached, is None."""

import fsspec
import polars as pl
import pytest

from inspection import files


@pytest.fixture(params=["file", "memory"])
def folder(request, tmp_path):
    """A folder on either file system, with one JSON file and two of Parquet."""
    uri = str(tmp_path) if request.param == "file" else f"memory://{tmp_path.name}"
    with fsspec.open(f"{uri}/a.json", "w") as file:
        file.write('{"a": [1, "ä"]}')
    for part in range(2):
        with fsspec.open(f"{uri}/rows/part-{part}.parquet", "wb", auto_mkdir=True) as file:
            pl.DataFrame({"x": [part, 10 + part], "y": ["a", "b"]}).write_parquet(file)
    return uri


def test_json_is_read_with_or_without_a_slash_at_the_folders_end(folder):
    assert files.read_json(folder, "a.json") == files.read_json(f"{folder}/", "a.json") == {"a": [1, "ä"]}


def test_all_files_are_listed_with_their_sizes_and_paths_below_the_folder(folder):
    found = files.names(folder)
    assert [name for name, _ in found] == ["a.json", "rows/part-0.parquet", "rows/part-1.parquet"]
    assert found[0][1] == len('{"a": [1, "ä"]}'.encode())


def test_parquet_files_are_one_table_in_the_order_of_their_names(folder):
    assert files.read_parquet(f"{folder}/rows", ["x"]).to_dict(as_series=False) == {"x": [0, 10, 1, 11]}
    assert files.read_parquet(f"{folder}/rows").columns == ["x", "y"]


@pytest.mark.parametrize("uri", ["/nowhere/at/all", "memory://nowhere", "gs://bucket/a", "nosuchscheme://a"])
def test_what_is_not_there_or_has_no_client_here_is_none(uri):
    assert files.read_json(uri, "a.json") is None
    assert files.names(uri) == []
    assert files.read_parquet(uri) is None


def test_a_store_that_nobody_answers_for_is_given_up_in_seconds(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    assert files.read_json("minio://mlpipeline/v2", "a.json") is None
    assert files.names("s3://mlpipeline/v2") == []


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("minio://b/a", "s3://b/a"), ("gs://b/a", "gcs://b/a"), ("s3://b/a", "s3://b/a"), ("/runs/a", "/runs/a")],
)
def test_addresses_are_as_fsspec_spells_them(uri, expected):
    assert files.address(uri) == expected
