"""InteractionExampleGen as a whole, on the ten kinds of bad input among others, with Beam's own runner."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from components.example_gen.component import InteractionExampleGen
from components.example_gen.executor import Executor
from components.example_gen.options import Columns, Options
from schemas.artifacts import RejectedRows
from schemas.errors import DataError
from schemas.records import REJECTED, ReadCounts

HEADER = b"user_id,item_id,timestamp\n"


@pytest.fixture
def run(tmp_path):
    """Writes files, runs the stage, gives back what it left."""

    def run_stage(files, out="out", told="", **options):
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        options = Options(**{"data": tuple(str(tmp_path / name) for name in files), **options})
        examples, rejected = standard_artifacts.Examples(), RejectedRows()
        for artifact, name in ((examples, "examples"), (rejected, "rejected")):
            artifact.uri = str(tmp_path / out / name)
            (tmp_path / out / name).mkdir(parents=True)
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
            tmp_dir=str(tmp_path / "tmp"),
            unique_id="1",
        )
        properties = {"options": options.model_dump_json(), "fingerprint": "f", "code_version": "c", "data": told}
        Executor(context).Do({}, {"examples": [examples], "rejected": [rejected]}, properties)
        return Result(examples, rejected)

    run_stage.folder = tmp_path
    return run_stage


class Result:
    """The stage's artifacts, read back."""

    def __init__(self, examples, rejected):
        self.examples, self.rejected_artifact = examples, rejected
        self.table = pq.read_table(f"{examples.uri}/Split-all")
        self.rejected = pq.read_table(rejected.uri, schema=REJECTED, ignore_prefixes=["rejected", "counts"]).to_pylist()
        self.csv = pc_csv.read_csv(
            f"{rejected.uri}/rejected.csv",
            parse_options=pc_csv.ParseOptions(newlines_in_values=True),
            convert_options=pc_csv.ConvertOptions(column_types=REJECTED),
        ).to_pylist()
        self.counts = ReadCounts.load(f"{rejected.uri}/counts.json")

    @property
    def rows(self):
        return self.table.to_pylist()


def test_rows_come_out_as_lists_with_what_tfx_needs_to_read_them(run):
    result = run({"a.csv": HEADER + b"007,i1,5\n8,i2,6\n"})
    assert result.table.schema.field("user_id").type == pa.list_(pa.string())
    assert result.table.schema.field("timestamp").type == pa.list_(pa.int64())
    assert result.table.schema.names == ["user_id", "item_id", "timestamp", "tie"]
    assert [(r["user_id"], r["item_id"], r["timestamp"]) for r in result.rows] == [
        (["007"], ["i1"], [5000]),
        (["8"], ["i2"], [6000]),
    ]
    assert json.loads(result.examples.split_names) == ["all"]
    assert result.examples.get_string_custom_property("payload_format") == "FORMAT_PARQUET"
    assert result.examples.get_string_custom_property("file_format") == "FILE_FORMAT_PARQUET"
    assert result.examples.get_int_custom_property("rows") == 2
    assert result.examples.get_string_custom_property("fingerprint") == "f"


def test_every_row_is_used_or_rejected_and_both_are_counted(run):
    rng = np.random.default_rng(5)
    kinds = ["1,2,3", "4,5,6.5", ",2,3", "1,,3", "1,2,NaN", "1,2", "1,2,3,4", "1,2,-5", '"a\nb",2,3', "\udcff,2,3"]
    names = {"a.csv": 400, "b.csv.gz": 300, "c.csv": 7}
    files, read = {}, 0
    for name, rows in names.items():
        content = HEADER + "\n".join(rng.choice(kinds, rows)).encode("utf-8", "surrogateescape") + b"\n"
        files[name], read = (gzip.compress(content) if name.endswith("gz") else content), read + rows
    result = run(files)
    counts = result.counts
    assert counts.read == read == len(result.rows) + len(result.rejected)
    assert (counts.used, counts.rejected) == (len(result.rows), len(result.rejected))
    assert sum(counts.reasons.values()) == counts.rejected
    assert list(counts.reasons.values()) == sorted(counts.reasons.values(), reverse=True)
    assert [(file.name.rsplit("/", 1)[1], file.read) for file in counts.files] == list(names.items())
    assert (result.rejected_artifact.read, result.rejected_artifact.rejected) == (counts.read, counts.rejected)
    assert sorted(map(str, result.csv)) == sorted(map(str, result.rejected))


def test_tie_does_not_depend_on_columns_order_file_or_place(run):
    one = run({"a.csv": b"user_id,item_id,timestamp,x\n1,2,3,p\n1,4,3,q\n"}, "one")
    other = run({"b.csv.gz": gzip.compress(b"x,timestamp,user_id,item_id\nq,3,1,4\nz,9,9,9\np,3,1,2\n")}, "two")
    ties = {(r["item_id"][0]): r["tie"][0] for r in one.rows}
    assert {r["item_id"][0]: r["tie"][0] for r in other.rows if r["item_id"] != ["9"]} == ties
    assert len(set(ties.values())) == 2


def test_tie_changes_with_the_seed_and_with_a_column_that_is_not_kept(run):
    files = {"a.csv": b"user_id,item_id,timestamp,x\n1,2,3,p\n1,2,3,q\n"}
    first, second = run(files, "one"), run(files, "two", tie_seed=1)
    assert first.rows[0]["tie"] != first.rows[1]["tie"]
    assert first.rows[0]["tie"] != second.rows[0]["tie"]
    assert "x" not in first.table.column_names


def test_parquet_gives_the_same_rows_and_ties_as_csv(run, tmp_path):
    table = pa.table(
        {"user_id": [1, 2, None], "item_id": ["a", "b", "c"], "timestamp": pa.array([5, 6, 7], pa.int32())}
    )
    pq.write_table(table, tmp_path / "source.parquet")
    parquet = run({"a.parquet": (tmp_path / "source.parquet").read_bytes()}, "one")
    text = run({"a.csv": HEADER + b"1,a,5\n2,b,6\n,c,7\n"}, "two")
    assert parquet.rows == text.rows
    assert [(r["line"], r["reason"]) for r in parquet.rejected] == [(3, "user_id is missing")]
    assert [(r["line"], r["reason"]) for r in text.rejected] == [(4, "user_id is missing")]


def test_optional_columns_are_written_where_they_are_configured(run):
    columns = Columns(user="u", item="i", timestamp="t", rating="r", weight="w", order="o", context=("device",))
    content = (
        b"u,i,t,r,w,o,device\n1,2,3,4.5,1,9,tv\n1,2,3,4.5,-1,9,tv\n1,2,3,x,1,9,tv\n1,2,3,4,1,1.5,tv\n1,2,3,4,1,8,\n"
    )
    result = run({"a.csv": content}, columns=columns)
    assert [{k: v[0] for k, v in row.items() if k != "tie"} for row in result.rows] == [
        {
            "user_id": "1",
            "item_id": "2",
            "timestamp": 3000,
            "order": 9,
            "rating": 4.5,
            "weight": 1.0,
            "context_device": "tv",
        },
        {
            "user_id": "1",
            "item_id": "2",
            "timestamp": 3000,
            "order": 8,
            "rating": 4.0,
            "weight": 1.0,
            "context_device": "",
        },
    ]
    assert [r["reason"] for r in result.rejected] == [
        "w is less than 0",
        "r is not a number",
        "o is not a whole number",
    ]


# --- The kinds of bad input ------------------------------------------------------------------------------------------


def test_missing_file_is_an_error(run, tmp_path):
    with pytest.raises(DataError, match=r"no file matches .*nowhere-\*\.csv"):
        run({}, data=(str(tmp_path / "nowhere-*.csv"),))


def test_missing_column_is_an_error_that_names_one_like_it(run):
    with pytest.raises(DataError, match="no column 'user_id'") as error:
        run({"a.csv": b"userid,item_id,timestamp\n1,2,3\n"})
    assert "'user_id' looks like 'userid'" in error.value.why


def test_empty_file_is_an_error_beside_a_good_one(run):
    with pytest.raises(DataError, match=r"b\.csv: the file is empty"):
        run({"a.csv": HEADER + b"1,2,3\n", "b.csv": b""})


@pytest.mark.parametrize("content", [HEADER, HEADER.strip(), HEADER + b"\n\n"])
def test_header_alone_is_an_error(run, content):
    with pytest.raises(DataError, match="there is a header, and no row"):
        run({"a.csv": content})


@pytest.mark.parametrize(
    ("name", "what"), [("a.csv", "isn't text"), ("a.parquet", "isn't Parquet"), ("a.csv.gz", "can't be opened")]
)
def test_binary_junk_is_an_error(run, name, what):
    with pytest.raises(DataError, match=what):
        run({name: bytes(range(128, 256)) * 50})


def test_file_that_breaks_off_is_an_error_and_not_a_beam_traceback(run):
    rng = np.random.default_rng(0)
    rows = "".join(f"{u},{i},{t}\n" for u, i, t in rng.integers(0, 10**9, (200_000, 3)))
    whole = gzip.compress(HEADER + rows.encode(), 1)
    with pytest.raises(DataError, match=r"a\.csv\.gz: the file can't be read past line"):
        run({"a.csv.gz": whole[: len(whole) * 3 // 4]})


def test_one_broken_file_among_many_is_named_with_the_line_reached(run):
    rows = HEADER + b"".join(b"%d,%d,%d\n" % (n, n * 7 % 1013, n) for n in range(9000))
    broken = gzip.compress(rows)
    files = {"a.csv": rows, "b.csv.gz": broken[: len(broken) * 2 // 3], "c.csv.gz": gzip.compress(rows)}
    with pytest.raises(DataError, match=r"b\.csv\.gz: the file can't be read past line [\d,]{3,}\.") as error:
        run(files)
    assert error.value.next_step == "see that the file is complete."


def test_all_rows_malformed_leaves_no_rows_all_rejects_and_no_error(run):
    result = run({"a.csv": HEADER + b"1,2\n,2,3\n1,2,soon\n"})
    assert (result.counts.read, result.counts.used, result.counts.rejected) == (3, 0, 3)
    assert result.table.schema.names == ["user_id", "item_id", "timestamp", "tie"]
    assert {r["line"] for r in result.rejected} == {2, 3, 4}


def test_one_malformed_row_in_a_million_is_found_by_its_line(run):
    n, bad = 1_000_000, 654_321
    block = pa.table({"u": np.arange(n) % 999, "i": np.arange(n) % 555, "t": np.arange(n)})
    sink = pa.BufferOutputStream()
    pc_csv.write_csv(block, sink, pc_csv.WriteOptions(include_header=False))
    lines = sink.getvalue().to_pybytes().split(b"\n")
    lines[bad] = b"1,2,\xff"
    result = run({"a.csv": HEADER + b"\n".join(lines)})
    assert (result.counts.used, result.counts.rejected) == (n - 1, 1)
    assert [(r["line"], r["reason"], r["text"]) for r in result.rejected] == [
        (bad + 2, "timestamp isn't text in UTF-8", r"1,2,\xff")
    ]


def test_nan_times_are_rejected(run):
    result = run({"a.csv": HEADER + b"1,2,NaN\n1,2,nan\n1,2,inf\n1,2,3\n"})
    assert result.counts.reasons == {"timestamp is not a number of seconds": 3}
    assert result.counts.used == 1


def test_float_ids_of_parquet_are_an_error_at_once(run, tmp_path):
    pq.write_table(pa.table({"user_id": [1.0], "item_id": ["a"], "timestamp": [1]}), tmp_path / "source.parquet")
    with pytest.raises(DataError, match="column 'user_id' has the type double"):
        run({"a.parquet": (tmp_path / "source.parquet").read_bytes()})


def test_declaration_carries_the_options_as_one_property():
    options = Options(data=("x.csv",))
    stage = InteractionExampleGen(options=options, fingerprint="f", code_version="c")
    assert Options.model_validate_json(stage.exec_properties["options"]) == options
    assert set(stage.outputs) == {"examples", "rejected"}


def test_each_row_says_its_span_and_the_artifact_which_were_read(run):
    files = {f"log-{span}.csv": HEADER + b"u,i%d,1\n" % span for span in (1, 2, 3)}
    result = run(files, data=(f"{run.folder}/log-{{SPAN}}.csv",), spans={"window": 2})
    rows = zip(result.table["item_id"].to_pylist(), result.table["span"].to_pylist(), strict=True)
    assert sorted(rows) == [(["i2"], [2]), (["i3"], [3])]
    assert result.examples.span == 3
    assert result.examples.get_string_custom_property("spans") == "2,3"
    assert [(file.span, file.read) for file in result.counts.files] == [(2, 1), (3, 1)]
    assert result.counts.spans == [2, 3]


def test_a_log_that_is_not_by_span_says_none(run):
    result = run({"a.csv": HEADER + b"u,i,1\n"})
    assert "span" not in result.table.column_names
    assert result.counts.spans == []


def test_a_run_that_names_files_without_spans_where_spans_are_configured_is_refused_in_words(run):
    files = {"log-1.csv": HEADER + b"u,i,1\n"}
    with pytest.raises(DataError, match=r"'other\.csv' says no span"):
        run(files, data=(f"{run.folder}/log-{{SPAN}}.csv",), spans={}, told="other.csv")
