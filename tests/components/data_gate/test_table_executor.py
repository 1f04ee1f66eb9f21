import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.data_gate import table
from components.data_gate.options import Options
from components.data_gate.table_executor import Executor
from schemas.artifacts import DataReport, RejectedRows
from schemas.errors import GateRefused
from schemas.records import REJECTED, ReadCounts, TableSummary

LOG = ["i1", "i2", "i1", "i3", "i1", "i4"]


@pytest.fixture
def gate(tmp_path):
    """Runs the gate over a table of (id, genres), the log's items, rejects as (line, reason), and an anomaly."""

    def run(rows, log=LOG, rejects=(), anomalies=None, published=None, **options):
        inputs = {"table": standard_artifacts.Examples(), "examples": standard_artifacts.Examples()}
        inputs |= {"anomalies": standard_artifacts.ExampleAnomalies(), "rejected": RejectedRows()}
        for name, artifact in inputs.items():
            artifact.uri = str(tmp_path / name)
            (tmp_path / name / "Split-all").mkdir(parents=True)
            if name != "rejected":
                artifact.split_names = artifact_utils.encode_split_names(["all"])
        times = {} if published is None else {"published": published}
        _write(
            tmp_path / "table" / "Split-all", [row[0] for row in rows], times, feature_genre=[row[1] for row in rows]
        )
        _write(tmp_path / "examples" / "Split-all", log, {"timestamp": [[10 + n] for n in range(len(log))]})
        reasons = {reason: sum(r[1] == reason for r in rejects) for _, reason in rejects}
        read = len(rows) + len(rejects)
        counts = ReadCounts(read=read, used=len(rows), rejected=len(rejects), reasons=reasons, files=[])
        counts.save(tmp_path / "rejected" / "counts.json")
        aside = [{"file": "items.csv", "line": line, "reason": reason, "text": "x"} for line, reason in rejects]
        pq.write_table(pa.Table.from_pylist(aside, REJECTED), tmp_path / "rejected" / "rows-0.parquet")
        message = anomalies or anomalies_pb2.Anomalies(data_missing=not rows)
        (tmp_path / "anomalies" / "Split-all" / "SchemaDiff.pb").write_bytes(message.SerializeToString())
        report = DataReport()
        report.uri = str(tmp_path / "report")
        (tmp_path / "report").mkdir()
        properties = {"kind": "items", "options": Options(**options).model_dump_json(), "code_version": "c"}
        Executor().Do({name: [artifact] for name, artifact in inputs.items()}, {"report": [report]}, properties)
        return TableSummary.load(tmp_path / "report" / "table.json")

    return run


def _write(folder, ids, times, **lists):
    columns = {"item_id": [[one] for one in ids], **lists}
    arrays = {name: pa.array(values, pa.list_(pa.string())) for name, values in columns.items()}
    arrays |= {name: pa.array(values, pa.list_(pa.int64())) for name, values in times.items()}
    pq.write_table(pa.table(arrays), folder / "part-0.parquet")


def test_a_table_and_the_log_are_held_against_each_other(gate):
    summary = gate([("i1", ["jazz"]), ("i2", []), ("i3", ["jazz", "pop"]), ("new", []), ("newer", ["pop"])])
    assert (summary.read, summary.used, summary.ids_in_log, summary.not_in_log) == (5, 5, 4, 2)
    assert (summary.missing, summary.missing_share, summary.missing_examples) == (1, 0.25, ["i4"])
    assert summary.missing_events == pytest.approx(1 / 6)
    assert summary.empty == {"feature_genre": 0.4}
    assert summary.warnings == ["1 of the log's 4 items have no row, those of 16.67 % of events."]


def test_a_complete_table_passes_without_a_word(gate):
    assert gate([(name, ["jazz"]) for name in set(LOG)]).warnings == []


def test_a_column_without_any_value_is_warned_of(gate):
    assert gate([(name, []) for name in set(LOG)]).warnings == ["every cell is empty in genre."]


def test_a_table_of_other_ids_is_refused_with_examples(gate):
    with pytest.raises(GateRefused, match=r"75\.00 % of the log's items have no row in the table") as error:
        gate([("i1", []), ("2", []), ("3", [])])
    assert "3 of 4, such as 'i2', 'i3', 'i4'." in error.value.why
    assert "items.columns.id" in error.value.next_step


def test_missing_rows_pass_up_to_the_limit(gate):
    assert gate([("i1", [])], max_missing=0.75).missing == 3


def test_rejected_rows_are_refused_under_the_tables_own_key(gate):
    with pytest.raises(GateRefused, match=r"1 of 5 rows can't be used") as error:
        gate([(name, []) for name in set(LOG)], rejects=[(6, "published is not a number of seconds")])
    assert "items.csv:6: published is not" in error.value.why
    assert "items.time_format" in error.value.next_step


def test_a_table_without_a_usable_row_is_refused_for_that_alone(gate):
    with pytest.raises(GateRefused, match="1 of 1 rows can't be used"):
        gate([], rejects=[(2, "item_id is missing")], max_rejected=1.0)


@pytest.mark.parametrize(("of_i1", "share"), [([10], 0), ([13], 2 / 6), ([14], 2 / 6), ([15], 3 / 6), ([], 0)])
def test_events_before_their_items_publication_are_told(gate, of_i1, share):
    summary = gate([("i1", []), ("i2", []), ("i3", []), ("i4", [])], published=[of_i1, [11], [], [15]])
    assert summary.early_events == pytest.approx(share)
    early = [warning for warning in summary.warnings if "publication" in warning]
    assert early == ([f"{100 * share:.2f} % of the events come before their item's publication."] if share else [])


def test_a_time_that_is_no_publication_is_refused(gate):
    with pytest.raises(GateRefused, match=r"66\.67 % of the events come before their item's publication") as error:
        gate([("i1", []), ("i2", []), ("i3", []), ("i4", [])], published=[[99], [99], [], []])
    assert "items.columns.published" in error.value.next_step


def test_an_anomaly_is_refused_and_names_the_tables_schema(gate):
    message = anomalies_pb2.Anomalies()
    kind = anomalies_pb2.AnomalyInfo.Type.Value("SCHEMA_NEW_COLUMN")
    message.anomaly_info["x"].reason.add(type=kind, short_description="new", description="column")
    with pytest.raises(GateRefused, match="1 anomaly") as error:
        gate([(name, []) for name in set(LOG)], anomalies=message)
    assert "schemas/items.pbtxt" in error.value.next_step


def test_examples_of_ids_without_a_row_are_few(tmp_path):
    for name, ids in (("table", ["i0"]), ("log", [f"i{n % 50}" for n in range(500)])):
        (tmp_path / name).mkdir()
        _write(tmp_path / name, ids, {})
    found = table.match([str(tmp_path / "table/part-0.parquet")], [str(tmp_path / "log/part-0.parquet")], "item_id")
    assert (found.missing, found.missing_examples) == (49, ["i1", "i2", "i3", "i4", "i5"])
