"""The stages of both tables with TFX's own StatisticsGen and ExampleValidator between ours."""

import pytest
from tfx import v1 as tfx

from components.data_gate.options import Options as GateOptions
from components.example_gen.component import InteractionExampleGen
from components.example_gen.options import Options
from components.example_gen.table_options import ItemTableOptions, UserTableOptions
from pipeline.tables import table
from schemas.errors import GateRefused
from schemas.records import TableSummary

ITEMS = ItemTableOptions(
    data=("items.csv",),
    columns={"title": "name", "published": "out", "categories": ["genre"], "numbers": ["price"], "text": ["name"]},
)
USERS = UserTableOptions(data=("users.csv",), columns={"categories": ["group"]})
CODE = {"table_gen": "c", "curated_schema": "c", "table_gate": "c"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    def run_chain(items, users="user_id,group\n1,a\n2,\n3,b\n"):
        monkeypatch.chdir(tmp_path)
        files = {"items.csv": items, "users.csv": users}
        files["log.csv"] = "user_id,item_id,timestamp\n" + "".join(f"{n % 3},i{n % 4},{n}\n" for n in range(40))
        for name, content in files.items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        read = InteractionExampleGen(options=Options(data=("log.csv",)), fingerprint="f", code_version="c")
        both = [
            table(options, read.outputs["examples"], fingerprint="f", gate=GateOptions(), code=CODE)
            for options in (ITEMS, USERS)
        ]
        chain = tfx.dsl.Pipeline(
            pipeline_name="p",
            pipeline_root=str(tmp_path / "root"),
            components=[read, *both[0].stages, *both[1].stages],
            metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
                str(tmp_path / "m.db")
            ),
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        )
        tfx.orchestration.LocalDagRunner().run(chain)
        reports = {name: next((tmp_path / "root" / name).rglob("table.json")) for name in ("ItemGate", "UserGate")}
        return {name: TableSummary.load(path) for name, path in reports.items()}

    return run_chain


def test_tables_with_empty_cells_pass_their_schemas_and_gates(run):
    rows = "i0,First one,5,a|b,1.5\ni1,,,,\ni2,Second,6,a,2\ni3,Third,7,,0\nnew,Новый,8,c,3\n"
    found = run("item_id,name,out,genre,price\n" + rows)
    items, users = found["ItemGate"], found["UserGate"]
    assert (items.used, items.not_in_log, items.missing, items.anomalies) == (5, 1, 0, [])
    assert items.empty == {
        "title": 0.2, "published": 0.2, "feature_genre": 0.4, "feature_price": 0.2, "feature_name": 0.2,
    }  # fmt: skip
    assert (users.used, users.not_in_log, users.missing, users.missing_examples) == (3, 1, 1, ["0"])


def test_a_column_without_any_value_passes(run):
    rows = "".join(f"i{n},name,,,\n" for n in range(4))
    assert run("item_id,name,out,genre,price\n" + rows)["ItemGate"].empty["feature_price"] == 1.0


def test_a_table_of_rejects_alone_gets_as_far_as_its_gate(run):
    with pytest.raises(GateRefused, match="1 of 1 rows can't be used"):
        run("item_id,name,out,genre,price\n,name,,,\n")
