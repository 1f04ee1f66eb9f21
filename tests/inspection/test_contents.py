"""What lies in an artifact is shown as far as a person can read it."""

import datetime

import polars as pl
import pytest

from inspection import contents
from inspection.records import Artifact
from schemas.encryption import written
from schemas.keys import KeyOptions


@pytest.fixture
def artifact(tmp_path):
    """One with a folder to write into."""
    made = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    return Artifact(id=1, type="Examples", uri=str(tmp_path), state="LIVE", created=made, properties={})


def test_of_a_table_the_first_rows_are_shown_and_all_counted(artifact, tmp_path):
    (tmp_path / "Split-train").mkdir()
    rows = pl.DataFrame({"item_id": [[f"i{n}"] for n in range(25)], "long": ["x" * 100] * 25, "n": range(25)})
    rows.write_parquet(tmp_path / "Split-train" / "rows.parquet")
    (table,) = contents.look(artifact).tables
    assert (table.name, table.rows, table.columns) == ("Split-train/rows.parquet", 25, ("item_id", "long", "n"))
    assert len(table.first) == 10
    assert table.first[3] == ("i3", "x" * 57 + "…", "3")  # a column of the log is a list of one


def test_an_empty_table_has_columns_and_no_rows(artifact, tmp_path):
    pl.DataFrame({"a": []}, schema={"a": pl.String}).write_parquet(tmp_path / "rows.parquet")
    (table,) = contents.look(artifact).tables
    assert (table.rows, table.columns, table.first) == (0, ("a",), ())


def test_json_is_laid_out_and_what_is_none_is_shown_as_it_stands(artifact, tmp_path):
    (tmp_path / "good.json").write_text('{"a":[1]}')
    (tmp_path / "bad.json").write_text("{")
    shown = {text.name: text.text for text in contents.look(artifact).texts}
    assert shown == {"good.json": '{\n  "a": [\n    1\n  ]\n}', "bad.json": "{"}


def test_a_long_text_is_cut_and_says_so(artifact, tmp_path):
    (tmp_path / "long.txt").write_text("ä" * 30_000)
    (tmp_path / "short.csv").write_text("a,b\n")
    shown = {text.name: (len(text.text), text.cut) for text in contents.look(artifact).texts}
    assert shown == {"long.txt": (20_000, True), "short.csv": (4, False)}


def test_of_encrypted_files_it_is_said_how_to_read_them(artifact, tmp_path, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "0123456789abcdef")
    for name in ("rows-0.parquet", "rejected.csv"):
        with (tmp_path / name).open("wb") as file, written(file, KeyOptions(key_env="OUR_KEY")) as target:
            target.write(b"PAR1")
    found = contents.look(artifact)
    assert found.tables == ()
    assert {text.name for text in found.texts} == {"rows-0.parquet", "rejected.csv"}
    assert all("seqrank decrypt" in text.text for text in found.texts)


def test_what_is_no_text_is_listed_alone(artifact, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x00\xff")
    (tmp_path / ".hidden.json").write_text("{}")
    found = contents.look(artifact)
    assert [(file.name, file.size) for file in found.files] == [(".hidden.json", 2), ("saved_model.pb", 2)]
    assert found.tables == found.texts == ()


def test_an_artifact_that_was_deleted_has_nothing(artifact, tmp_path):
    tmp_path.rmdir()
    assert contents.look(artifact).files == ()


def test_an_artifact_that_is_a_file_is_shown_itself(artifact, tmp_path):
    (tmp_path / "schema.pbtxt").write_text("feature {}")
    found = contents.look(Artifact(**{**vars(artifact), "uri": str(tmp_path / "schema.pbtxt")}))
    assert [file.name for file in found.files] == [""]
