import json
import os

import pytest

from components.example_gen import inputs
from components.example_gen.options import Options
from schemas.errors import DataError


def find(*patterns):
    return inputs.find(Options(data=tuple(map(str, patterns))))


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "b.csv").write_text("u\n1\n")
    (tmp_path / "a.csv").write_text("u\n2\n")
    return tmp_path


def test_overlapping_globs_give_each_file_once_in_order_of_name(logs):
    assert [os.path.basename(file.name) for file in find(logs / "*.csv", logs / "b.csv")] == ["a.csv", "b.csv"]
    assert [file.size for file in find(logs / "*.csv")] == [4, 4]


def test_glob_without_a_match_is_an_error_beside_one_with(logs):
    with pytest.raises(DataError, match=r"no file matches '.*\*\.parquet'"):
        find(logs / "*.csv", logs / "*.parquet")


def test_touch_and_copy_keep_the_fingerprint(logs, tmp_path):
    before = inputs.fingerprint(find(logs / "*.csv"), tmp_path / "index.json")
    os.utime(logs / "a.csv", (1, 1))
    assert inputs.fingerprint(find(logs / "*.csv"), tmp_path / "index.json") == before
    (tmp_path / "clone").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "clone" / name).write_bytes((logs / name).read_bytes())
    assert inputs.fingerprint(find(tmp_path / "clone" / "*.csv")) == before


def test_changed_content_of_the_same_size_changes_the_fingerprint(logs, tmp_path):
    index = tmp_path / "index.json"
    before = inputs.fingerprint(find(logs / "*.csv"), index)
    (logs / "a.csv").write_text("u\n3\n")
    os.utime(logs / "a.csv", (2, 2))
    assert inputs.fingerprint(find(logs / "*.csv"), index) != before


def test_unchanged_file_is_not_read_again(logs, tmp_path):
    index = tmp_path / "index.json"
    inputs.fingerprint(find(logs / "*.csv"), index)
    planted = dict.fromkeys(json.loads(index.read_text()), "planted")
    index.write_text(json.dumps(planted))
    assert inputs.fingerprint(find(logs / "*.csv"), index) != inputs.fingerprint(find(logs / "*.csv"))


def test_broken_index_is_made_anew(logs, tmp_path):
    index = tmp_path / "index.json"
    index.write_text("{")
    assert inputs.fingerprint(find(logs / "*.csv"), index) == inputs.fingerprint(find(logs / "*.csv"))
    assert len(json.loads(index.read_text())) == 2
