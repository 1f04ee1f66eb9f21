"""Logs in a real S3 server (moto's), read through Beam, over connections that break."""

import gzip
import io
import random
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from components.example_gen import files, inputs, object_store
from components.example_gen.executor import Executor
from components.example_gen.options import Options
from components.example_gen.table_options import ItemTableOptions
from schemas import stores
from schemas.artifacts import RejectedRows
from schemas.errors import DataError
from schemas.records import ReadCounts

HEADER = b"user_id,item_id,timestamp\n"
ROWS = 20_000


@pytest.fixture
def log():
    """20,000 rows that no compression makes small."""
    draw = random.Random(0)
    return HEADER + b"".join(b"u%d,i%d,%d\n" % (n, draw.randrange(10**9), draw.randrange(10**9)) for n in range(ROWS))


@pytest.fixture
def run(tmp_path):
    """Runs the stage; gives back its rows and counts."""

    def run_stage(*data):
        examples, rejected = standard_artifacts.Examples(), RejectedRows()
        for artifact, name in ((examples, "examples"), (rejected, "rejected")):
            artifact.uri = str(tmp_path / name)
            (tmp_path / name).mkdir(parents=True)
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
            tmp_dir=str(tmp_path / "tmp"), unique_id="1",
        )  # fmt: skip
        properties = {"options": Options(data=data).model_dump_json(), "fingerprint": "", "code_version": "c"}
        Executor(context).Do({}, {"examples": [examples], "rejected": [rejected]}, properties)
        counts = ReadCounts.load(f"{rejected.uri}/counts.json")
        assert examples.get_string_custom_property("fingerprint") == inputs.fingerprint(inputs.find(Options(data=data)))
        return pq.read_table(f"{examples.uri}/Split-all"), counts

    return run_stage


def as_parquet(log):
    table = pa.csv.read_csv(pa.BufferReader(log))
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=5000)
    return sink.getvalue()


@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_globs_of_every_kind_of_file_are_read_from_the_store(run, s3, scheme):
    s3.put_object(Key="logs/2026-11-01.csv", Body=HEADER + b"1,a,5\n2,b,6\n")
    s3.put_object(Key="logs/2026-11-02.csv.gz", Body=gzip.compress(HEADER + b"3,c,7\n"))
    s3.put_object(Key="logs/2026-11-03.parquet", Body=as_parquet(HEADER + b"4,d,8\n"))
    s3.put_object(Key="logs/2026-12-01.csv", Body=HEADER + b"5,e,9\n")
    s3.put_object(Key="logs/2026-11-00/", Body=b"")  # what some tools leave for a folder
    table, counts = run(f"{scheme}://{s3.name}/logs/2026-11-*.csv*", f"{scheme}://{s3.name}/logs/2026-11-03.parquet")
    assert sorted(row["item_id"][0] for row in table.to_pylist()) == ["a", "b", "c", "d"]
    assert [file.name for file in counts.files] == [
        f"s3://{s3.name}/logs/2026-11-0{n}" for n in ("1.csv", "2.csv.gz", "3.parquet")
    ]


def test_a_table_of_items_is_found_and_checked_in_the_store(s3):
    s3.put_object(Key="items.csv", Body=b"item_id,title\na,A\n")
    options = ItemTableOptions(data=(f"s3://{s3.name}/items.csv",), columns={"title": "title"})
    found = inputs.find(options)
    files.validate(found, options)
    assert [file.size for file in found] == [18]


def test_an_unchanged_object_is_not_read_again_and_a_changed_one_is_seen(s3, wire, tmp_path):
    index = tmp_path / "index.json"

    def fingerprint():
        return inputs.fingerprint(inputs.find(Options(data=(f"s3://{s3.name}/logs/*",))), index)

    s3.put_object(Key="logs/a.csv", Body=HEADER + b"1,a,5\n")
    s3.put_object(Key="logs/b.csv", Body=HEADER + b"1,b,5\n")
    before = fingerprint()
    wire.lines.clear()
    assert fingerprint() == before
    assert [line.split("?")[0] for line in wire.lines] == [f"GET /{s3.name}"]  # the list alone
    s3.put_object(Key="logs/a.csv", Body=HEADER + b"1,c,5\n")  # within the same second, and of the same size
    wire.lines.clear()
    assert fingerprint() != before
    assert not any("b.csv" in line for line in wire.lines)


@pytest.mark.parametrize(
    ("kind", "got"),
    [("csv", 1500), ("csv", 400_000), ("csv.gz", 300_000), ("parquet", 50_000), ("parquet", 400_000)],
)
def test_an_object_cut_in_the_middle_is_a_data_error_that_names_it(run, s3, wire, log, kind, got):
    content = {"csv": lambda: log, "csv.gz": lambda: gzip.compress(log, 1), "parquet": lambda: as_parquet(log)}[kind]()
    assert len(content) > 150_000
    s3.put_object(Key=f"logs/a.{kind}", Body=content)
    wire.fail(got=got)
    with pytest.raises(DataError) as failed:
        run(f"s3://{s3.name}/logs/*")
    assert f"s3://{s3.name}/logs/" in str(failed.value)
    assert wire.failed


def test_a_cut_after_the_check_fails_the_stage_not_the_row_count(run, s3, wire, log, monkeypatch):
    s3.put_object(Key="logs/a.csv", Body=HEADER + b"1,a,5\n")
    s3.put_object(Key="logs/b.csv", Body=log)
    validate = files.validate

    def then_cut(*arguments):
        validate(*arguments)
        wire.fail(got=100_000)

    monkeypatch.setattr(files, "validate", then_cut)
    with pytest.raises(DataError, match=r"can't be (read|opened)") as failed:
        run(f"s3://{s3.name}/logs/*")
    assert failed.value.where.startswith(f"s3://{s3.name}/logs/")


def test_one_cut_costs_nothing_but_another_try(run, s3, wire, log, monkeypatch):
    s3.put_object(Key="logs/b.csv", Body=log)
    validate = files.validate

    def then_cut(*arguments):
        validate(*arguments)
        wire.fail(got=100_000, times=1)

    monkeypatch.setattr(files, "validate", then_cut)
    table, counts = run(f"s3://{s3.name}/logs/*")
    assert wire.failed == 1
    assert table.num_rows == counts.read == ROWS


def test_an_object_that_is_replaced_while_it_is_read_is_an_error(s3, log, monkeypatch):
    monkeypatch.setattr(object_store, "_BUFFER", 1000)
    s3.put_object(Key="a.csv", Body=log)
    with object_store.open_bytes(f"s3://{s3.name}/a.csv") as handle:
        handle.read(10)
        s3.put_object(Key="a.csv", Body=log.replace(b"i", b"j"))
        handle.seek(100_000)
        with pytest.raises(OSError, match="replaced while it was read"):
            handle.read(10)


def test_a_store_that_falls_silent_ends_in_an_error_not_a_hang(s3, wire, log, monkeypatch):
    monkeypatch.setattr(stores, "READ_SECONDS", 0.3)
    object_store._connection.cache_clear()
    s3.put_object(Key="a.csv", Body=log)
    wire.fail(got=100_000, stall=True)
    began = time.monotonic()
    with pytest.raises(DataError, match=r"a\.csv"):
        inputs.digest(f"s3://{s3.name}/a.csv")
    assert time.monotonic() - began < 20
    object_store._connection.cache_clear()


def test_a_store_that_refuses_connections_ends_in_an_error(monkeypatch, s3):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9"):
        inputs.find(Options(data=(f"s3://{s3.name}/*.csv",)))


@pytest.mark.parametrize("name", ["a.csv", "*.csv"])
def test_a_bucket_or_an_object_that_is_missing_is_said(s3, name):
    with pytest.raises(DataError, match="bucket does not exist"):
        inputs.find(Options(data=(f"minio://no-such-bucket/{name}",)))
    with pytest.raises(DataError, match="no file matches"):
        inputs.find(Options(data=(f"minio://{s3.name}/{name}",)))


def test_keys_that_the_store_does_not_know_are_refused_in_its_own_words(s3, s3_server, monkeypatch):
    url = "http://{}:{}/moto-api/reset-auth".format(*s3_server)
    requests.post(url, data=b"0", timeout=10)
    try:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
        with pytest.raises(DataError, match="InvalidAccessKeyId"):
            inputs.find(Options(data=(f"s3://{s3.name}/*.csv",)))
    finally:
        requests.post(url, data=b"inf", timeout=10)
