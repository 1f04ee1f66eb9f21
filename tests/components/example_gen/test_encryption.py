"""Rejected rows that are encrypted: in no file in the clear, and all there for whom has the key."""

import pyarrow.parquet as pq
import pytest
from tfx.types import standard_artifacts

from components.data_gate.read import samples
from components.example_gen import inputs
from components.example_gen.component import InteractionExampleGen
from components.example_gen.executor import Executor
from components.example_gen.options import Options
from components.example_gen.table_component import TableExampleGen
from components.example_gen.table_executor import Executor as TableExecutor
from components.example_gen.table_options import UserTableOptions
from pipeline.cli.decrypt import decrypt
from schemas.artifacts import RejectedRows
from schemas.errors import ConfigError, DataError
from schemas.forgotten import Forgotten
from schemas.keys import KeyOptions

KEY = KeyOptions(key_env="OUR_KEY")
LOG = "user_id,item_id,timestamp\nanna,i1,1\nanna,i2,never\nanna,\nbert,i2,2\n"
USERS = "user_id,group\nanna,a\nanna,c\n"


@pytest.fixture(params=["log", "users"])
def rejected(request, tmp_path, monkeypatch):
    """The folder of a reader's rejected rows."""
    monkeypatch.setenv("OUR_KEY", "0123456789abcdef")
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "users.csv").write_text(USERS)
    examples, aside = standard_artifacts.Examples(), RejectedRows()
    examples.uri, aside.uri = str(tmp_path / "examples"), str(tmp_path / "rejected")
    for name in ("examples", "rejected"):
        (tmp_path / name).mkdir()
    if request.param == "log":
        stage = InteractionExampleGen(Options(data=(str(tmp_path / "log.csv"),), encryption=KEY), "", "1")
        executor = Executor()
    else:
        table = UserTableOptions(data=(str(tmp_path / "users.csv"),), columns={"categories": ["group"]}, encryption=KEY)
        stage = TableExampleGen(table, inputs.fingerprint(inputs.find(table)), "1").with_id("Users")
        executor = TableExecutor()
    executor.Do({}, {"examples": [examples], "rejected": [aside]}, dict(stage.exec_properties))
    return tmp_path / "rejected"


def test_no_row_is_in_the_clear(rejected):
    rows = [path for path in rejected.iterdir() if path.name != "counts.json"]
    assert {path.suffix for path in rows} == {".parquet", ".csv"}
    assert not [path for path in rows if b"anna" in path.read_bytes() or path.read_bytes()[:4] == b"PAR1"]


def test_the_key_shows_them(rejected, tmp_path):
    decrypt(rejected, tmp_path / "readable", None)
    assert "anna" in (tmp_path / "readable" / "rejected.csv").read_text()
    (part,) = (tmp_path / "readable").glob("rows-*.parquet")
    assert all("anna" in text for text in pq.read_table(part)["text"].to_pylist())
    assert (tmp_path / "readable" / "counts.json").exists()
    decrypt(rejected / "rejected.csv", tmp_path / "one", None)
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["rejected.csv"]


def test_no_message_shows_any(rejected):
    assert samples(str(rejected), ["any reason"]) == []


def test_a_copy_goes_nowhere_else(rejected, tmp_path):
    with pytest.raises(ConfigError, match="new or empty folder"):
        decrypt(rejected, rejected, None)
    with pytest.raises(DataError, match="nothing here"):
        decrypt(tmp_path / "none", tmp_path / "to", None)
    with pytest.raises(DataError, match="Nothing here is encrypted"):
        decrypt(tmp_path / "log.csv", tmp_path / "to", None)


def test_the_cache_sees_another_key(tmp_path, monkeypatch):
    marks = set()
    for key in ("0123456789abcdef", "fedcba9876543210"):
        monkeypatch.setenv("OUR_KEY", key)
        marks.add(inputs.marked("data", Options(data=("log.csv",), encryption=KEY), Forgotten()))
    marks.add(inputs.marked("data", Options(data=("log.csv",)), Forgotten()))
    assert len(marks) == 3
