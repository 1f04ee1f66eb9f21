"""`seqrank init` writes a configuration that a run's own reader takes, and says what it saw."""

import contextlib
import gzip
import os
import pathlib
import pty
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from components.example_gen import check, files, inputs
from pipeline.cli.__main__ import app
from pipeline.config import load
from pipeline.datasets import worlds
from schemas.errors import ConfigError, DataError, SeqrankError

ROOT = pathlib.Path(__file__).resolve().parents[3]
N = 3_000
RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*words):
    """Runs the command; returns what it printed."""
    done = CliRunner().invoke(app, ["init", *map(str, words), "--yes"], catch_exceptions=False)
    if done.exit_code:
        raise AssertionError(done.output)
    return done.output


def refused(*words):
    with pytest.raises(SeqrankError) as caught:
        CliRunner().invoke(app, ["init", *map(str, words), "--yes"], catch_exceptions=False)
    return caught.value


def usable_share(config):
    """What a run's reader makes of the configured files."""
    options = config.example_gen
    found = inputs.find(options)
    files.validate(found, options)
    usable = rejected = 0
    for file in found:
        for batch in files.batches(file.name, options):
            good, aside = check.check(batch, file.name, options)
            usable, rejected = usable + good.num_rows, rejected + aside.num_rows
    return usable / (usable + rejected)


def interactions(**more):
    return pl.DataFrame(
        {
            "user_id": pl.Series(RNG.integers(0, 200, N)).cast(pl.String).str.zfill(5),
            "item_id": RNG.zipf(1.4, N) % 300,
            "timestamp": 1_700_000_000 + np.sort(RNG.integers(0, 86_400 * 60, N)),
            **more,
        }
    )


def test_a_log_like_movielens_stays_near_the_defaults(folder):
    interactions(rating=RNG.integers(1, 6, N)).unique(["user_id", "item_id"]).write_csv("ratings.csv")
    printed = init("--data", "ratings.csv", "--name", "films")
    config = load("films.yaml")
    assert config.example_gen.columns.rating == "rating"
    assert config.sequence_gen.mask_seen
    assert usable_share(config) == 1.0
    assert "seqrank run --config films.yaml" in printed
    assert f"{folder.name}" not in pathlib.Path("films.yaml").read_text()  # paths stay as they were given


@pytest.mark.parametrize("world", worlds.names())
def test_a_made_world_gets_the_knobs_that_its_own_configuration_has(folder, world):
    size = worlds.size(world)
    worlds.write(worlds.make(world, size, seed=1), folder / "data" / world)
    own = load(ROOT / "configs" / f"{world}.yaml")
    tables = [
        word for kind in ("items", "users") if getattr(own, kind) for word in (f"--{kind}", getattr(own, kind).data[0])
    ]
    init(*(word for pattern in own.example_gen.data for word in ("--data", pattern)), *tables, "--name", world)
    config = load(f"{world}.yaml")
    assert config.example_gen.columns == own.example_gen.columns
    assert config.example_gen.event_weights == own.example_gen.event_weights
    for knob in ("data", "time_format", "delimiter"):
        assert getattr(config.example_gen, knob) == getattr(own.example_gen, knob)
    assert config.sequence_gen.mask_seen == own.sequence_gen.mask_seen
    assert config.sequence_gen.split.name == own.sequence_gen.split.name
    assert (config.sequence_gen.session_gap is None) == (own.sequence_gen.session_gap is None)
    assert config.trainer.model.gap_embedding == own.trainer.model.gap_embedding
    assert config.trainer.model.id_dropout == own.trainer.model.id_dropout
    assert (config.items and config.items.columns.categories) == (own.items and own.items.columns.categories)
    assert config.users == own.users
    assert usable_share(config) == 1.0


def _semicolons():
    frame = interactions().rename({"user_id": "Kunde", "item_id": "Artikel", "timestamp": "Zeit"})
    frame = frame.with_columns(Wert=pl.Series(RNG.integers(1, 90, N)).cast(pl.String) + ",50")
    return b"\xef\xbb\xbf" + frame.write_csv(separator=";").replace("\n", "\r\n").encode()


def _streams():
    visits = np.repeat(np.sort(RNG.integers(0, 86_400 * 300, N // 5)), 5) + np.tile(np.arange(5), N // 5) * 60
    return pl.DataFrame({"item": RNG.integers(0, 99, N), "time": 1_700_000_000 + visits}).write_csv().encode()


HOSTILE = {
    "header.csv": lambda: interactions().write_csv(include_header=False).encode(),
    "german.csv": _semicolons,
    "tabs.tsv": lambda: interactions().write_csv(separator="\t").encode(),
    "parts.csv.gz": lambda: b"".join(
        map(gzip.compress, (interactions().write_csv().encode(), b"00001,7,1700000000\n"))
    ),
    "emoji.csv": lambda: interactions(user_id=['🎵 "x",'] * N).write_csv().encode(),
    "events.csv": lambda: (
        interactions(action=np.array(["view", "frob", "buy"])[RNG.integers(0, 3, N)]).write_csv().encode()
    ),
    "terminal.csv": _streams,
    "on: 'yes' #.csv": lambda: interactions().write_csv().encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_honest_but_unusual_files_get_a_configuration_that_reads_them(folder, name):
    (folder / name).write_bytes(HOSTILE[name]())
    init("--data", name, "--output", "out.yaml", "--name", "x")
    config = load("out.yaml")
    assert config.example_gen.data == (name,)
    assert usable_share(config) == 1.0


def test_parquet_with_times_of_its_own_type_is_taken(folder):
    interactions().with_columns(timestamp=pl.from_epoch("timestamp")).write_parquet("log.parquet")
    init("--data", "log.parquet", "--output", "out.yaml")
    assert usable_share(load("out.yaml")) == 1.0


def test_leading_zeros_stay_text_and_are_found_in_the_table(folder):
    frame = interactions().with_columns(item_id=pl.col("item_id").cast(pl.String).str.zfill(7))
    frame.write_csv("log.csv")
    frame.select("item_id").unique().with_columns(kind=pl.lit("a")).write_csv("things.csv")
    assert "it has 100% of the log's items" in init("--data", "log.csv", "--items", "things.csv", "--name", "x")


def test_rows_that_cannot_be_used_are_shown_with_their_reason(folder):
    pathlib.Path("log.csv").write_text(interactions().write_csv() + ",7,1700000000\n00001,7,soon\n" * 30)
    printed = init("--data", "log.csv", "--name", "x")
    assert f"log.csv:{N + 2}: user_id is missing (30 rows like it)" in printed
    assert "data_gate.max_rejected" in printed


def test_rows_of_a_table_that_cannot_be_used_are_shown_too(folder):
    frame = interactions()
    frame.write_csv("log.csv")
    things = frame.select("item_id").unique(maintain_order=True).with_columns(colour=pl.lit("red"))
    pl.concat([things, things.head(2)]).write_csv("things.csv")
    printed = init("--data", "log.csv", "--items", "things.csv", "--name", "x")
    assert f"things.csv:{things.height + 2}: item_id has an earlier row (2 rows like it are set aside)" in printed


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"user_id,item_id,timestamp\n", "no row"),
        (b"user_id\n" + b"1\n" * 20, "only one column"),
        (b"user_id,item_id\n" + b"1,2\n3,2\n" * 20, "no column looks like the timestamp"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "gzip under another name"),
    ],
)
def test_what_no_configuration_could_read_is_refused(folder, data, says):
    (folder / "log.csv").write_bytes(data)
    error = refused("--data", "log.csv")
    assert isinstance(error, DataError)
    assert says in str(error)
    assert error.next_step
    assert not list(folder.glob("*.yaml"))


def test_an_existing_file_stays_unless_forced(folder):
    interactions().write_csv("log.csv")
    pathlib.Path("x.yaml").write_text("mine")
    assert isinstance(refused("--data", "log.csv", "--output", "x.yaml"), ConfigError)
    assert pathlib.Path("x.yaml").read_text() == "mine"
    init("--data", "log.csv", "--output", "x.yaml", "--force")
    assert load("x.yaml").run.name == "x"
    assert [path.name for path in folder.iterdir()] == sorted(["log.csv", "x.yaml"]) or not list(folder.glob(".*"))


def test_what_is_set_by_hand_wins_and_is_written(folder):
    interactions(rating=RNG.integers(1, 6, N)).rename({"item_id": "foo", "timestamp": "bar"}).write_csv("log.csv")
    settings = ("example_gen.columns.item=foo", "example_gen.columns.timestamp=bar", "trainer.epochs=3")
    init("--data", "log.csv", "--name", "x", *(word for setting in settings for word in ("--set", setting)))
    config = load("x.yaml")
    assert (config.example_gen.columns.item, config.example_gen.columns.timestamp) == ("foo", "bar")
    assert config.trainer.epochs == 3


def test_a_stream_without_sessions_is_refused_unless_it_was_said_to_be_one(folder):
    interactions().drop("user_id").write_csv("log.csv")
    assert "example_gen.columns.user=" in refused("--data", "log.csv").next_step
    assert "session_gap" in init("--data", "log.csv", "--name", "x", "--set", "example_gen.columns.user=null")
    assert load("x.yaml").example_gen.columns.user is None


@pytest.mark.parametrize("setting", ["nonsense", "trainer.epohcs=3", "example_gen.delimeter=;", "run={"])
def test_a_setting_that_cannot_be_is_refused(folder, setting):
    interactions().write_csv("log.csv")
    error = refused("--data", "log.csv", "--set", setting)
    assert isinstance(error, ConfigError)
    assert setting.split("=")[0] in str(error)


def test_as_a_process_it_asks_nothing_and_ends_with_documented_statuses(folder):
    interactions().write_csv("log.csv")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipeline.cli", "init", "--data", "log.csv", "--output", "x.yaml", "--yes"]
    runs = [subprocess.run(command, env=environment, capture_output=True, text=True, input="") for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 2]
    assert "events a user" in runs[0].stdout
    assert "Traceback" not in runs[1].stderr
    assert "--force" in runs[1].stderr
    assert load("x.yaml").run.name == "x"


def test_on_a_terminal_it_asks_for_what_it_cannot_find_and_before_it_writes(folder):
    sentence = np.array(["an old film of the sea", "a new film of the sun"])[RNG.integers(0, 2, N)]
    interactions().drop("item_id").with_columns(seen=pl.Series(sentence)).write_csv("log.csv")
    command = [sys.executable, "-m", "pipeline.cli", "init", "--data", "log.csv", "--output", "x.yaml"]
    inside, outside = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    process = subprocess.Popen(command, env=environment, stdin=outside, stdout=outside, stderr=subprocess.DEVNULL)
    os.close(outside)
    os.write(inside, b"seen\ny\n")
    printed = b""
    with contextlib.suppress(OSError):  # Linux says so at the end of a terminal
        while chunk := os.read(inside, 4096):
            printed += chunk
    assert process.wait() == 0, printed.decode()
    assert b"Which column is the item?" in printed
    assert b"Write x.yaml?" in printed
    assert load("x.yaml").example_gen.columns.item == "seen"
