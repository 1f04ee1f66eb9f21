"""Stages 1 to 3 together, with TFX's own StatisticsGen and ExampleValidator between ours."""

import pathlib

import pytest
from tfx import v1 as tfx

from components.curated_schema.component import CuratedSchema
from components.data_gate.component import DataGate
from components.data_gate.options import Options
from components.example_gen.component import InteractionExampleGen
from components.example_gen.options import Columns
from components.example_gen.options import Options as ReadOptions
from schemas.errors import GateRefused
from schemas.records import DataSummary


@pytest.fixture
def run(tmp_path):
    def run_chain(content, optional=(), columns=None):
        (tmp_path / "log.csv").write_text(content)
        options = ReadOptions(data=(str(tmp_path / "log.csv"),), columns=columns or Columns())
        read = InteractionExampleGen(options=options, fingerprint="f", code_version="c")
        schema = CuratedSchema("interactions.pbtxt", digest="d", code_version="c", optional=optional)
        expected = schema.outputs["schema"]
        statistics = tfx.components.StatisticsGen(examples=read.outputs["examples"], schema=expected)
        found = tfx.components.ExampleValidator(statistics=statistics.outputs["statistics"], schema=expected)
        gate = DataGate(
            examples=read.outputs["examples"],
            anomalies=found.outputs["anomalies"],
            rejected=read.outputs["rejected"],
            mask_seen=True,
            options=Options(),
            code_version="c",
        )
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="p",
            pipeline_root=str(tmp_path / "root"),
            components=[read, schema, statistics, found, gate],
            metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
                str(tmp_path / "m.db")
            ),
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        )
        tfx.orchestration.LocalDagRunner().run(pipeline)
        (report,) = pathlib.Path(tmp_path / "root" / "DataGate").rglob("data.json")
        return DataSummary.load(report)

    return run_chain


def test_positions_as_times_and_every_optional_column_pass_without_an_anomaly(run):
    rows = "".join(f"{n % 4},{n},{n},0.5,1,{n},tv\n" for n in range(100))
    summary = run(
        "user_id,item_id,timestamp,r,w,o,device\n" + rows,
        optional=("rating", "weight", "order", "context_device"),
        columns=Columns(rating="r", weight="w", order="o", context=("device",)),
    )
    assert (summary.used, summary.first_time, summary.anomalies) == (100, 0, [])


def test_log_without_a_usable_row_gets_as_far_as_the_gate_and_keeps_its_rejects(run, tmp_path):
    with pytest.raises(GateRefused, match=r"2 of 2 rows can't be used"):
        run("user_id,item_id,timestamp\n1,,3\n1,2,x\n")
    (rejected,) = (tmp_path / "root").rglob("rejected.csv")
    assert len(rejected.read_text().splitlines()) == 3


def test_optional_column_that_the_schema_does_not_expect_is_refused_by_name(run):
    rows = "".join(f"{n % 4},{n},{n},0.5\n" for n in range(100))
    with pytest.raises(GateRefused, match="rating: SCHEMA_NEW_COLUMN"):
        run("user_id,item_id,timestamp,r\n" + rows, columns=Columns(rating="r"))
