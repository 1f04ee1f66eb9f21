"""Users who are forgotten: in no output, not even among the rejected rows, and counted."""

import json

import pyarrow.parquet as pq
import pytest
from tfx.types import artifact_utils, standard_artifacts

from components.example_gen import inputs
from components.example_gen.component import InteractionExampleGen
from components.example_gen.executor import Executor
from components.example_gen.options import Options
from components.example_gen.table_component import TableExampleGen
from components.example_gen.table_executor import Executor as TableExecutor
from components.example_gen.table_options import UserTableOptions
from schemas.artifacts import RejectedRows
from schemas.pseudonyms import Pseudonyms
from schemas.records import ReadCounts

KEY = "0123456789abcdef"
LOG = """user_id,item_id,timestamp
anna,i1,1
bert,i1,1
anna,i2,never
bert,,3
anna,i1
anna,i1,2,3,4
bert,i1,2,3,4
carl,i2,2
"""
USERS = "user_id,group\nanna,a\nbert,b\nanna,c\nbert,d\n,e\n"


def run(kind, executor, component, out):
    examples, rejected = standard_artifacts.Examples(), RejectedRows()
    for name, artifact in (("examples", examples), ("rejected", rejected)):
        artifact.uri = str(out / kind / name)
        (out / kind / name).mkdir(parents=True)
    executor().Do({}, {"examples": [examples], "rejected": [rejected]}, dict(component.exec_properties))
    table = pq.read_table(artifact_utils.get_split_uri([examples], "all")).to_pydict()
    counts = ReadCounts.model_validate(json.loads((out / kind / "rejected" / "counts.json").read_text()))
    rejects = (out / kind / "rejected" / "rejected.csv").read_text()
    return [user for (user,) in table["user_id"]], rejects, counts, examples


@pytest.fixture
def read(tmp_path, monkeypatch):
    """What is left of the log, and of the users table, with a list."""
    monkeypatch.setenv("OUR_KEY", KEY)
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "users.csv").write_text(USERS)

    def both(listed, **told):
        (tmp_path / "list.txt").write_text("".join(f"{user}\n" for user in listed))
        told["forgotten"] = str(tmp_path / "list.txt")
        log = Options(data=(str(tmp_path / "log.csv"),), **told)
        table = UserTableOptions(data=(str(tmp_path / "users.csv"),), columns={"categories": ["group"]}, **told)
        stage = TableExampleGen(table, inputs.fingerprint(inputs.find(table)), "1").with_id("Users")
        return (
            run("log", Executor, InteractionExampleGen(log, "", "1"), tmp_path),
            run("users", TableExecutor, stage, tmp_path),
        )

    return both


def test_nothing_tells_of_them_and_their_rows_are_counted(read):
    (users, rejects, counts, examples), (in_table, table_rejects, of_table, _) = read(["anna", "nobody"])
    assert sorted(users) == ["bert", "carl"]
    assert "anna" not in rejects
    assert "bert" in rejects
    assert (counts.read, counts.used, counts.rejected, counts.forgotten) == (8, 2, 4, 2)
    assert counts.files[0].forgotten == 2
    assert in_table == ["bert"]
    assert "anna" not in table_rejects
    assert (of_table.read, of_table.used, of_table.rejected, of_table.forgotten) == (5, 1, 2, 2)
    assert "-" in examples.get_string_custom_property("fingerprint")


def test_an_empty_list_leaves_nobody_out(read):
    (users, _, counts, examples), (in_table, _, _, _) = read([])
    assert sorted(users) == ["anna", "bert", "carl"]
    assert counts.forgotten == 0
    assert sorted(in_table) == ["anna", "bert"]
    assert "-" not in examples.get_string_custom_property("fingerprint")


def test_with_pseudonyms_the_list_has_pseudonyms(read):
    anna = Pseudonyms(KEY.encode()).of("anna")
    (users, _, counts, _), (in_table, _, _, _) = read([anna], pseudonyms={"key_env": "OUR_KEY"})
    assert len(users) == 2
    assert anna not in [*users, *in_table]
    assert counts.forgotten == 2
