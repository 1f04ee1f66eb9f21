import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.data_gate.component import DataGate
from components.data_gate.executor import Executor
from components.data_gate.options import Options
from schemas.artifacts import DataReport, RejectedRows
from schemas.errors import GateRefused
from schemas.records import REJECTED, DataSummary, ReadCounts

GOOD = [(f"u{n % 5}", f"i{n}", 1_600_000_000_000 + n) for n in range(50)]


@pytest.fixture
def gate(tmp_path):
    """Runs the gate over (user, item, time) rows, (line, reason, text) rejects and an Anomalies message."""

    def run(rows=GOOD, rejects=(), anomalies=None, mask_seen=True, session_gap=None, **options):
        artifacts = {"examples": standard_artifacts.Examples(), "anomalies": standard_artifacts.ExampleAnomalies()}
        artifacts |= {"rejected": RejectedRows(), "report": DataReport()}
        for name, artifact in artifacts.items():
            artifact.uri = str(tmp_path / name)
        for name in ("examples", "anomalies"):
            artifacts[name].split_names = artifact_utils.encode_split_names(["all"])
            (tmp_path / name / "Split-all").mkdir(parents=True)
        for name in ("rejected", "report"):
            (tmp_path / name).mkdir()
        _write_rows(tmp_path / "examples" / "Split-all" / "interactions-0.parquet", rows)
        reasons = {reason: sum(r[1] == reason for r in rejects) for _, reason, _ in rejects}
        reasons = dict(sorted(reasons.items(), key=lambda pair: -pair[1]))
        read = len(rows) + len(rejects)
        counts = ReadCounts(read=read, used=len(rows), rejected=len(rejects), reasons=reasons, files=[])
        counts.save(tmp_path / "rejected" / "counts.json")
        table = pa.table(
            [["log.csv"] * len(rejects), *(zip(*rejects, strict=True) if rejects else ([], [], []))], REJECTED
        )
        pq.write_table(table, tmp_path / "rejected" / "rows-0.parquet")
        message = anomalies or anomalies_pb2.Anomalies(data_missing=not rows)
        (tmp_path / "anomalies" / "Split-all" / "SchemaDiff.pb").write_bytes(message.SerializeToString())
        report = artifacts.pop("report")
        properties = {"options": Options(**options).model_dump_json(), "mask_seen": int(mask_seen), "code_version": "c"}
        properties |= {} if session_gap is None else {"session_gap": session_gap}
        Executor().Do({k: [v] for k, v in artifacts.items()}, {"report": [report]}, properties)
        return DataSummary.load(tmp_path / "report" / "data.json")

    return run


def _write_rows(path, rows):
    user, item, time = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {"user_id": (user, pa.string()), "item_id": (item, pa.string()), "timestamp": (time, pa.int64())}
    columns["tie"] = ([abs(hash((u, i, t))) for u, i, t in rows], pa.int64())
    pq.write_table(pa.table({n: pa.array([[v] for v in c], pa.list_(k)) for n, (c, k) in columns.items()}), path)


def anomaly(feature, kind, what="too long"):
    message = anomalies_pb2.Anomalies()
    info = message.anomaly_info[feature]
    info.reason.add(type=anomalies_pb2.AnomalyInfo.Type.Value(kind), short_description=what, description="seen 3")
    return message


def test_good_data_pass_and_are_described(gate):
    summary = gate()
    assert (summary.read, summary.used, summary.rejected) == (50, 50, 0)
    assert (summary.users, summary.items, summary.labels, summary.repeated_labels) == (5, 50, 45, 0)
    assert (summary.first_time, summary.last_time) == (1_600_000_000_000, 1_600_000_000_049)
    assert summary.warnings == []


def test_rejects_beyond_the_limit_are_refused_by_file_line_and_reason(gate, tmp_path):
    rejects = [
        (3, "item is missing", "1,,3"),
        (4, "t is not a number of seconds", "1,2,x"),
        (9, "item is missing", "2,,3"),
    ]
    with pytest.raises(GateRefused) as error:
        gate(rejects=rejects)
    assert str(error.value).splitlines() == [
        "3 of 53 rows can't be used (5.66 %; the limit is 0.10 %, data_gate.max_rejected).",
        "  log.csv:3: item is missing (2 rows like it): '1,,3'",
        "  log.csv:4: t is not a number of seconds (1 row like it): '1,2,x'",
        f"  All of them: {tmp_path}/rejected/rejected.csv",
        "Next: mend the rows, or set example_gen.time_format if times have another form, or raise the limit.",
    ]


def test_message_stays_short_however_many_reasons_there_are(gate):
    rejects = [(n, f"reason {n}", "x" * 1000) for n in range(100)]
    with pytest.raises(GateRefused, match="and 95 more, for 95 other reasons") as error:
        gate(rejects=rejects)
    assert len(str(error.value)) < 1500


def test_rejects_up_to_the_limit_pass(gate):
    assert gate(rejects=[(2, "item is missing", "")], max_rejected=0.02).rejected == 1


def test_no_usable_row_is_refused_whatever_the_limit(gate):
    with pytest.raises(GateRefused, match=r"1 of 1 rows can't be used \(100.00 %"):
        gate(rows=[], rejects=[(2, "item is missing", "")], max_rejected=1.0)


def test_anomaly_of_a_refused_kind_is_named_with_its_feature(gate):
    with pytest.raises(GateRefused, match="timestamp: INT_TYPE_BIG_INT: too long: seen 3"):
        gate(anomalies=anomaly("timestamp", "INT_TYPE_BIG_INT"))


def test_anomaly_of_another_kind_is_reported_and_passes(gate):
    summary = gate(anomalies=anomaly("timestamp", "INT_TYPE_BIG_INT"), refuse_anomalies=("SCHEMA_MISSING_COLUMN",))
    assert [(a.feature, a.kind, a.refused) for a in summary.anomalies] == [("timestamp", "INT_TYPE_BIG_INT", False)]


def test_repeats_are_refused_while_they_are_masked_and_pass_where_not(gate):
    rows = [("u", f"i{n % 10}", n * 10**10) for n in range(20)]  # 19 labels, 10 of them seen before
    with pytest.raises(GateRefused, match=r"52\.63 % of labels repeat") as error:
        gate(rows=rows)
    assert "10 of 19 labels" in error.value.why
    assert "mask_seen: false" in error.value.next_step


def test_repeats_pass_where_seen_items_stay_candidates(gate):
    rows = [("u", f"i{n % 10}", n * 10**10) for n in range(20)]
    summary = gate(rows=rows, mask_seen=False)
    assert (summary.repeated_labels, summary.unreachable_share) == (10, 0.0)


def test_single_item_is_refused(gate):
    with pytest.raises(GateRefused, match="single item"):
        gate(rows=[(f"u{n % 3}", "i", n) for n in range(9)], max_unreachable=1.0)


def test_single_user_passes_with_a_warning(gate):
    assert any("single user" in warning for warning in gate(rows=[("u", f"i{n}", n) for n in range(9)]).warnings)


STREAM = [("file", f"i{n % 4}", 3_600_000 * (n // 4) + n % 4) for n in range(40)]


def test_one_stream_of_many_sessions_is_no_single_user_and_repeats_none_of_an_earlier_one(gate):
    summary = gate(rows=STREAM, session_gap=30.0)
    assert (summary.users, summary.sessions, summary.labels, summary.repeated_labels) == (1, 10, 30, 0)
    assert not any("single user" in warning for warning in summary.warnings)


def test_the_same_stream_without_sessions_repeats_its_past(gate):
    with pytest.raises(GateRefused, match="labels repeat"):
        gate(rows=STREAM)


def test_nothing_but_sessions_of_one_event_is_refused(gate):
    with pytest.raises(GateRefused, match=r"(?s)every session has one event.*session_gap"):
        gate(rows=[("file", f"i{n}", 3_600_000 * n) for n in range(9)], session_gap=30.0)


def test_users_with_one_event_pass_and_are_counted(gate):
    summary = gate(rows=[*GOOD, ("lonely", "i1", 1), ("lonely too", "i2", 1)])
    assert summary.users_with_one_event == 2
    assert any("2 of 7 users have one event" in warning for warning in summary.warnings)


def test_nothing_but_users_with_one_event_is_refused(gate):
    with pytest.raises(GateRefused, match="every user has one event"):
        gate(rows=[(f"u{n}", f"i{n}", n) for n in range(9)])


def test_all_grounds_come_in_one_message(gate):
    with pytest.raises(GateRefused, match="for 3 reasons") as error:
        gate(
            rows=[("u", f"i{n % 10}", n) for n in range(20)],
            rejects=[(2, "item is missing", "")],
            anomalies=anomaly("tie", "SCHEMA_MISSING_COLUMN"),
        )
    assert all(
        part in error.value.why for part in ("rows can't be used", "tie: SCHEMA_MISSING_COLUMN", "labels repeat")
    )


def test_declaration_carries_its_knobs():
    from tfx.types import channel_utils

    one = channel_utils.as_channel([standard_artifacts.Examples()])
    stage = DataGate(
        examples=one,
        anomalies=channel_utils.as_channel([standard_artifacts.ExampleAnomalies()]),
        rejected=channel_utils.as_channel([RejectedRows()]),
        mask_seen=True,
        options=Options(),
        code_version="c",
    )
    assert stage.exec_properties["mask_seen"] == 1
    assert Options.model_validate_json(stage.exec_properties["options"]) == Options()
    assert np.isclose(Options().max_rejected, 0.001)
