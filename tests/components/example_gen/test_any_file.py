"""Any honest file, however it is written: each row is used, as it was meant, or set aside with its file and line."""

import dataclasses
import datetime
import gzip
import itertools
import pathlib
import re
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from components.example_gen import files, inputs, read_csv, read_parquet
from components.example_gen.check import check
from components.example_gen.executor import Executor
from components.example_gen.options import Options
from schemas.artifacts import RejectedRows
from schemas.records import REJECTED, ReadCounts

BOUNDED = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}
WEIGHTS = {"view": 1.0, "buy, now": 3.5, "buy_ now": 3.5}
BREAK = re.compile("\r\n|\n|\r")

# --- Rows: what they mean, and what becomes of them -------------------------------------------------------------------

PIECES = ["a", "Z", "7", "0", "007", "1e5", " ", "\t", ",", ";", "|", '"', "'", '""', "é", "🎵", "\u2028", "\x85"]
ids = st.lists(st.sampled_from([*PIECES, "nan", "null", "\ufeff", "x" * 10_000]), min_size=1, max_size=4).map("".join)
notes = st.lists(st.sampled_from([*PIECES, "\n", "\r\n", "\r", "\n\n"]), max_size=3).map("".join)
times, zones = st.integers(0, 1_700_000_000_000), st.integers(-14 * 60, 14 * 60)  # milliseconds, minutes

FAULTS = {
    **{f"no {name}": f"{name} is missing" for name in ("user", "item", "time", "stars")},
    "word": "event is not in example_gen.event_weights",
    "stars": "stars is not a number",
    "negative": "time is not in the years 1970 to 9999",
    "future": "time is more than a day in the future",
    "break": "item has a line break",
    **dict.fromkeys(("bytes", "zero"), "item isn't text in UTF-8"),
    "soon": "time is not a",
    **dict.fromkeys(("few", "many"), "columns where the header has"),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """An event; `fault`: what is wrong with it, "" nothing."""

    user: str
    item: str
    time: int
    zone: int
    note: str
    event: str
    stars: float
    fault: str
    quoted: bool
    blank_before: bool


rows = st.builds(
    Row,
    *(ids, ids, times, zones, notes, st.sampled_from(list(WEIGHTS))),
    stars=st.integers(0, 20).map(lambda quarters: quarters / 4),
    fault=st.one_of(st.just(""), st.sampled_from(list(FAULTS))),
    quoted=st.booleans(),
    blank_before=st.sampled_from([False, False, False, True]),
)


@dataclasses.dataclass(frozen=True)
class Log:
    """What all files of a log have in common."""

    time_format: str
    delimiter: str
    quote: str
    decimal: str
    has_user: bool
    header: bool

    @property
    def columns(self):
        return (["user"] if self.has_user else []) + ["item", "time", "note", "event", "stars"]

    def options(self, names):
        columns = {"user": "user" if self.has_user else None, "item": "item", "timestamp": "time", "event": "event"}
        return Options(
            data=tuple(names),
            columns={**columns, "rating": "stars", "context": ("note", "event")},
            event_weights=WEIGHTS,
            **{name: getattr(self, name) for name in ("time_format", "delimiter", "quote", "decimal")},
            column_names=() if self.header else tuple(self.columns),
        )


logs = st.builds(
    Log,
    time_format=st.sampled_from(["seconds", "milliseconds", "iso8601"]),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quote=st.sampled_from(['"', '"', "'", ""]),
    decimal=st.sampled_from([".", ","]),
    has_user=st.booleans(),
    header=st.sampled_from([True, True, False]),
).filter(lambda log: log.quote or log.delimiter != "," or log.decimal == ".")


@dataclasses.dataclass(frozen=True)
class File:
    """Rows, and how they are written."""

    kind: str
    rows: list
    columns: list  # in the file's order, with some that nobody reads
    line_end: str
    last_end: bool
    byte_order_mark: bool
    cuts: list  # where a .gz has its members' ends, in shares of the text
    type_: str


@st.composite
def some_files(draw):
    log = draw(logs)
    shuffled = st.permutations([*log.columns, "other", 'an "other"', "two\nlines"] if log.quote else log.columns)
    file = st.builds(
        File,
        kind=st.sampled_from(["csv", "csv", "csv.gz", "parquet"]),
        rows=st.lists(rows, min_size=1, max_size=10),
        columns=shuffled if log.header else st.just(log.columns),
        line_end=st.sampled_from(["\n", "\r\n", "\r"]),
        last_end=st.booleans(),
        byte_order_mark=st.booleans(),
        cuts=st.lists(st.floats(0, 1), max_size=3),
        type_=st.sampled_from(["string", "large_string", "binary", "dictionary"]),
    )
    return log, draw(st.lists(file, min_size=1, max_size=3)), draw(st.integers(0, 200))


# --- Writing ----------------------------------------------------------------------------------------------------------


def cells(row, log):
    """What a row's columns hold, in text; \\udcff stands for the byte ff, which isn't UTF-8."""
    text = {"user": row.user, "item": row.item, "time": written_time(row, log), "note": row.note, "event": row.event}
    text |= {"stars": f"{row.stars:g}".replace(".", log.decimal), "other": "", 'an "other"': "x", "two\nlines": "0"}
    changed = {f"no {name}": (name, "") for name in text} | {
        "word": ("event", "frob"),
        "stars": ("stars", "1.2.3"),
        "break": ("item", f"{row.item}\n{row.note}"),
    }
    changed |= {"bytes": ("item", f"{row.item}\udcff"), "zero": ("item", f"\0{row.item}"), "soon": ("time", "soon")}
    text.update([changed[row.fault]] if row.fault in changed else [])
    if not log.quote:
        text = {name: re.sub("[\r\n" + re.escape(log.delimiter) + "]", "_", value) for name, value in text.items()}
    return text


def written_time(row, log):
    milliseconds = {"negative": -row.time - 1000, "future": row.time + 10**13}.get(row.fault, row.time)
    if log.time_format != "iso8601":
        seconds = f"{milliseconds / 1000:.3f}".replace(".", log.decimal)
        return seconds if log.time_format == "seconds" else str(milliseconds)
    zone = datetime.timezone(datetime.timedelta(minutes=row.zone))
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=milliseconds)
    return moment.astimezone(zone).isoformat(timespec="milliseconds")


def fault_of(row, log, kind):
    """The row's fault, where such a log and such a file can have it."""
    impossible = {"no user": not log.has_user, "break": not log.quote}
    impossible |= dict.fromkeys(("few", "many", "zero"), kind == "parquet")
    return "" if impossible.get(row.fault) else row.fault


def written_cell(text, row, log):
    special = log.delimiter in text or "\n" in text or "\r" in text or (log.quote and log.quote in text)
    if not log.quote or not (special or row.quoted):
        return text
    return log.quote + text.replace(log.quote, log.quote * 2) + log.quote


def written_row(row, file, log):
    text = cells(row, log)
    values = [text[name] for name in file.columns]
    if row.fault in ("few", "many"):
        values = [BREAK.sub(" ", value) for value in values]
        values = ["x", *values[2:]] if row.fault == "few" else ["x", *values]
    return log.delimiter.join(written_cell(value, row, log) for value in values)


def csv_bytes(file, log):
    """The file's bytes, and the line on which each row starts."""
    header = log.delimiter.join(written_cell(name, file.rows[0], log) for name in file.columns)
    text, starts = (header + file.line_end if log.header else ""), []
    for row in file.rows:
        text += file.line_end if row.blank_before else ""
        starts.append(1 + len(BREAK.findall(text)))
        text += written_row(row, file, log) + file.line_end
    text = text if file.last_end else text.removesuffix(file.line_end)
    mark = "\ufeff" if file.byte_order_mark or text.startswith("\ufeff") else ""
    return (mark + text).encode("utf-8", "surrogateescape"), starts


def parquet_table(file, log):
    kind = "binary" if any(row.fault == "bytes" for row in file.rows) else file.type_
    texts = {name: [cells(row, log)[name] for row in file.rows] for name in file.columns}
    raw = {name: pa.array([text.encode("utf-8", "surrogateescape") for text in texts[name]]) for name in texts}
    if kind == "dictionary":
        return pa.table({name: column.cast(pa.string()).dictionary_encode() for name, column in raw.items()})
    return pa.table({name: column.cast(getattr(pa, kind)()) for name, column in raw.items()})


def write(path, file, log):
    """Writes one file; the line of each row."""
    if file.kind == "parquet":
        pq.write_table(parquet_table(file, log), path, row_group_size=3)
        return range(1, len(file.rows) + 1)
    content, starts = csv_bytes(file, log)
    if file.kind == "csv.gz":
        ends = [0, *sorted(int(share * len(content)) for share in file.cuts), len(content)]
        content = b"".join(gzip.compress(content[start:end], 1) for start, end in itertools.pairwise(ends))
    pathlib.Path(path).write_bytes(content)
    return starts


def written(folder, log, some):
    """Writes all files: options, usable rows as they should come out, (file, line, reason's start) of the others."""
    names, used, aside = [], [], []
    for number, file in enumerate(some):
        possible = [dataclasses.replace(row, fault=fault_of(row, log, file.kind)) for row in file.rows]
        names.append(f"{folder}/stream {number}.{file.kind}")
        starts = write(names[-1], dataclasses.replace(file, rows=possible), log)
        for row, start in zip(possible, starts, strict=True):
            aside += [(names[-1], start, FAULTS[row.fault])] if row.fault else []
            used += [] if row.fault else [meant(row, log, f"stream {number}")]
    return log.options(names), used, aside


def meant(row, log, stream):
    text = cells(row, log)
    user = text["user"] if log.has_user else stream
    return user, text["item"], row.time, row.stars, WEIGHTS[row.event], text["note"], text["event"]


def plain(table):
    return [tuple(value[0] for value in row.values()) for row in table.drop(["tie"]).to_pylist()]


def assert_all_there(found, rejected, used, aside):
    assert len(found) + len(rejected) == len(used) + len(aside)
    assert found == used
    assert [(row["file"], row["line"]) for row in rejected] == [(file, line) for file, line, _ in aside]
    assert all(reason in row["reason"] for row, (_, _, reason) in zip(rejected, aside, strict=True))


@settings(max_examples=80, **BOUNDED)
@given(some_files())
def test_each_row_is_used_or_set_aside_with_its_file_and_line(drawn):
    log, some, spare = drawn
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        options, used, aside = written(folder, log, some)
        texts = [written_row(row, file, log) for file in some for row in file.rows]
        longest = max(len(text.encode("utf-8", "surrogateescape")) for text in texts)
        patch.setattr(read_csv, "BLOCK", longest + 100 + spare)  # no row may be longer, nor the header
        patch.setattr(read_parquet, "BATCH", 2)
        files.validate(inputs.find(options), options)
        read = [check(batch, name, options) for name in options.data for batch in files.batches(name, options)]
    rejected = [row for _, bad in read for row in bad.to_pylist()]
    assert_all_there([row for good, _ in read for row in plain(good)], rejected, used, aside)


@settings(max_examples=4, **BOUNDED)
@given(some_files())
def test_whole_stage_counts_each_row_once(drawn):
    log, some, _ = drawn
    with tempfile.TemporaryDirectory() as folder:
        options, used, aside = written(folder, log, some)
        examples, rejected = standard_artifacts.Examples(), RejectedRows()
        examples.uri, rejected.uri = f"{folder}/examples", f"{folder}/rejected"
        pathlib.Path(rejected.uri).mkdir()
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"], tmp_dir=folder, unique_id="1"
        )
        properties = {"options": options.model_dump_json(), "fingerprint": "f", "code_version": "c"}
        Executor(context).Do({}, {"examples": [examples], "rejected": [rejected]}, properties)
        found = plain(pq.read_table(f"{examples.uri}/Split-all"))
        bad = pq.read_table(rejected.uri, schema=REJECTED, ignore_prefixes=["rejected", "counts"]).to_pylist()
        counts = ReadCounts.load(f"{rejected.uri}/counts.json")
    assert (counts.read, counts.used, counts.rejected) == (len(used) + len(aside), len(used), len(aside))
    bad.sort(key=lambda row: (row["file"], row["line"]))
    assert_all_there(sorted(found), bad, sorted(used), sorted(aside))
