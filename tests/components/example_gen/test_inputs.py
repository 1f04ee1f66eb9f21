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


def test_a_glob_in_the_working_directory_needs_no_folder(logs, monkeypatch):
    monkeypatch.chdir(logs)
    assert [file.name for file in find("*.csv", "a.csv")] == ["a.csv", "b.csv"]


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


@pytest.fixture
def by_span(tmp_path, monkeypatch):
    """Files of spans 1, 2 (two of them), 4 and 10, and one that is of none; patterns are relative to them."""
    monkeypatch.chdir(tmp_path)
    for name in ("data-1.csv", "data-2.csv", "data-02.csv", "data-4.csv", "data-10.csv", "data-old.csv"):
        (tmp_path / name).write_text("u\n1\n")

    def find(window, *patterns):
        return inputs.find(Options(data=patterns or ("data-{SPAN}.csv",), spans={"window": window}))

    return find


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (1, {"data-10.csv": 10}),
        (3, {"data-10.csv": 10, "data-4.csv": 4, "data-2.csv": 2, "data-02.csv": 2}),
        ("all", {"data-10.csv": 10, "data-4.csv": 4, "data-2.csv": 2, "data-02.csv": 2, "data-1.csv": 1}),
    ],
)
def test_the_newest_spans_are_read_with_all_of_their_files(by_span, window, expected):
    assert {file.name: file.span for file in by_span(window)} == expected


def test_newest_is_meant_of_all_patterns_together(by_span, tmp_path):
    (tmp_path / "more-12.csv").write_text("u\n1\n")
    found = by_span(2, "data-{SPAN}.csv", "more-{SPAN}.csv")
    assert [(file.name, file.span) for file in found] == [("data-10.csv", 10), ("more-12.csv", 12)]


def test_an_empty_file_of_a_forgotten_span_is_no_matter(by_span, tmp_path):
    (tmp_path / "data-1.csv").write_text("")
    assert len(by_span(3)) == 4
    with pytest.raises(DataError, match=r"data-1\.csv: the file is empty"):
        by_span(4)


def test_no_file_with_a_span_is_an_error(by_span):
    with pytest.raises(DataError, match=r"no file matches 'data-\{SPAN\}\.txt'"):
        by_span(1, "data-{SPAN}.txt")
    with pytest.raises(DataError, match=r"no file matches 'data-o\{SPAN\}\.csv'"):  # data-old.csv, but no number
        by_span(1, "data-o{SPAN}.csv")


def test_days_are_spans_and_one_that_is_none_is_an_error(by_span, tmp_path):
    for day in ("2026-11-30", "2026-12-01"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "log.csv").write_text("u\n1\n")
    found = by_span(2, "{YYYY}-{MM}-{DD}/*.csv")
    assert [file.span for file in found] == [20787, 20788]
    (tmp_path / "2026-11-31").mkdir()
    (tmp_path / "2026-11-31" / "log.csv").write_text("u\n1\n")
    with pytest.raises(DataError, match=r"2026-11-31/log\.csv: the file's name holds no date"):
        by_span(2, "{YYYY}-{MM}-{DD}/*.csv")


def test_a_span_that_only_a_folder_says_is_in_the_fingerprint(by_span, tmp_path):
    def fingerprint(one, two):
        for span, text in ((1, one), (2, two)):
            (tmp_path / str(span)).mkdir(exist_ok=True)
            (tmp_path / str(span) / "log.csv").write_text(text)
        return inputs.fingerprint(by_span(2, "{SPAN}/log.csv"))

    assert fingerprint("u\n1\n", "u\n2\n") != fingerprint("u\n2\n", "u\n1\n")
