"""Whole runs whose metadata are in a real PostgreSQL and a real MariaDB. `make test-services` runs it."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
USERS, ITEMS, EVENTS = 150, 60, 20
KNOBS = ("trainer.epochs=1", "trainer.model.architecture.units=16", "evaluator.min_lift=0")
KINDS = ("postgresql", "mysql")
pytestmark = pytest.mark.timeout(3600)


def _databases():
    """The servers' module; tests/ is no package."""
    spec = importlib.util.spec_from_file_location("databases", pathlib.Path(__file__).with_name("databases.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


databases = _databases()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A log in which each item is followed by the next one of a ring."""
    path = tmp_path_factory.mktemp("data") / "planted.csv"
    begin = np.random.default_rng(0).integers(ITEMS, size=USERS)
    rows = [
        f"u{user},i{(begin[user] + step) % ITEMS},{86_400 * step}" for user in range(USERS) for step in range(EVENTS)
    ]
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(rows) + "\n")
    return path


class Here:
    """An output root whose metadata are on a server, and commands on it."""

    def __init__(self, folder, server, data):
        self.root, self.port = folder / "runs", server["port"]
        knobs = {name.partition("=")[0]: name.partition("=")[2] for name in KNOBS}
        (folder / "config.yaml").write_text(
            json.dumps({"run": {"metadata": server}, "example_gen": {"data": [str(data)]}})
        )
        self._options = ["--config", str(folder / "config.yaml"), "--output", str(self.root)]
        self._knobs = [word for name, value in knobs.items() for word in ("--set", f"{name}={value}")]

    def run(self, *settings):
        """Runs the chain to its end; returns its summary."""
        told = [word for setting in settings for word in ("--set", setting)]
        printed = self.call("run", *self._knobs, *told, status=(0, 3))
        return printed, json.loads((self.root / "latest" / "summary.json").read_text())

    def call(self, command, *words, status=(0,), password=databases.PASSWORD):
        """One command in a process of its own; returns what it printed."""
        environment = {**os.environ, "SEQRANK_TEST_PASSWORD": password}
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", command, *self._options, *words],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
        assert done.returncode in status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def json(self, command, *words):
        """What a command says to programs."""
        return json.loads(self.call(command, *words, "--json"))


@pytest.fixture(scope="module", params=KINDS)
def here(request, tmp_path_factory, data):
    """Two runs, the second from the cache, of one server."""
    with databases.server(request.param) as server:
        made = Here(tmp_path_factory.mktemp(request.param), {**server, "database": "seqrank_runs"}, data)
        made.first, made.second = made.run(), made.run()
        yield made


def test_the_second_run_takes_every_stage_from_the_cache(here):
    printed, summary = here.first
    assert not any(stage["cached"] for stage in summary["stages"].values()), printed
    printed, summary = here.second
    assert all(stage["cached"] for stage in summary["stages"].values()), printed
    assert not (here.root / "metadata.sqlite").exists()
    assert f"@127.0.0.1:{here.port}/seqrank_runs" in printed


def test_the_commands_read_the_server(here):
    lines = here.json("runs")
    assert [line["id"] for line in lines] == [summary["run_id"] for _, summary in (here.second, here.first)]
    assert [line["state"] for line in lines] == ["succeeded", "succeeded"]
    shown = here.json("show", lines[1]["id"])
    assert shown["results"]["metrics"]["test"]["candidate"]
    assert shown["results"]["training"]["epochs"] == 1
    source = here.json("lineage", "latest/Trainer.model")
    assert {step["run"] for step in source["steps"].values()} == {lines[1]["id"]}
    compared = here.json("compare", lines[1]["id"], lines[0]["id"])
    assert compared["config"] == compared["code"] == compared["data"] == []
    assert "planted.csv" in here.call("lineage", "latest/Trainer.model")
    assert "Connecting" not in here.call("runs")  # ML Metadata's library tells standard error


def test_the_password_is_in_no_file_of_the_run(here):
    files = [path for path in here.root.rglob("*") if path.is_file()]
    assert any(path.name == "run.log" for path in files)
    secrets = [databases.PASSWORD, json.dumps(databases.PASSWORD)[1:-1], "a b'c", "a b\\'c"]
    assert [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)] == []


def test_a_wrong_password_is_refused_and_not_told(here):
    printed = here.call("runs", password="not-this-one", status=(1,))
    assert "can't be read" in printed
    assert "not-this-one" not in printed
    printed = here.call("run", password="not-this-one", status=(1,))
    assert "can't be read" in printed
    logs = [path.read_text() for path in here.root.glob("*/run.log")]
    assert not any("not-this-one" in log for log in logs)


def test_gc_marks_what_it_deletes_and_the_next_run_makes_it_anew(here):
    here.run("trainer.learning_rate=0.02")
    shown = here.call("gc", "--set", "run.keep.runs=1", "--yes")
    assert "Deleted." in shown
    states = {each["state"] for each in here.json("artifacts", "--type", "Model")}
    assert states == {"LIVE", "DELETED"}
    printed, summary = here.run()
    assert not summary["stages"]["Trainer"]["cached"], printed


def test_encryption_that_a_server_does_not_offer_is_not_done_without(tmp_path, data):
    with databases.server("mysql") as server:  # as Debian installs it, without a certificate
        asked = Here(tmp_path, {**server, "database": "seqrank_runs", "ssl": {}}, data)
        assert "It doesn't encrypt" in asked.call("runs", status=(1,))


def test_a_server_that_stopped_is_told_at_once(tmp_path, data):
    gone = {"kind": "postgresql", "host": "127.0.0.1", "port": 1, "database": "seqrank_runs", "user": databases.USER}
    for kind in KINDS:
        printed = Here(tmp_path, {**gone, "kind": kind}, data).call("runs", status=(1,))
        assert "No metadata store answers here" in printed
