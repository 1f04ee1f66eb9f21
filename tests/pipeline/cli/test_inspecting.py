"""The commands that look at runs, on made runs: tables, JSON, errors, and what they import."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from benchmarks import made_results
from benchmarks.made_runs import FROM_CACHE, MadeRuns
from inspection.connection import sqlite_store
from inspection.store import Store
from pipeline.cli.__main__ import app
from schemas.errors import ConfigError, StoreError

ROOT = pathlib.Path(__file__).resolve().parents[3]
FIRST, SECOND = "2026-01-01T000000", "2026-01-02T000000"
COMMANDS = (
    ("runs",), ("show", "latest"), ("artifacts",), ("artifacts", "--type", "model"),
    ("open", "latest/Evaluator.evaluation"),
    ("lineage", "latest/Pusher.pushed_model"), ("lineage", "day-1.csv", "--file"),
    ("lineage", f"{FIRST}/InteractionExampleGen.examples", "--forward"), ("compare", FIRST, "latest"),
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """An output root with two runs and their results."""
    made = MadeRuns(tmp_path_factory.mktemp("root"))
    made.add(FIRST, dropout=0.3)
    made.add(SECOND, cached=FROM_CACHE, dropout=0.4)
    store = Store(sqlite_store(made.root / "metadata.sqlite"))
    for seed, name in enumerate((FIRST, SECOND)):
        made_results.write(store.run(name), seed=seed)
        (made.root / name).mkdir()
        (made.root / name / "summary.json").write_text(json.dumps({"git_commit": f"c0ffee{seed}"}))
    return made.root


@pytest.fixture
def seqrank(root, monkeypatch):
    """Calls a command on the root; returns what it printed."""
    monkeypatch.chdir(ROOT)

    def call(*words, output=root):
        done = CliRunner().invoke(app, [*words, *(("--output", str(output)) if output else ())])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return call


@pytest.fixture
def told(seqrank):
    """Likewise, but what it tells programs."""
    return lambda *words: json.loads(seqrank(*words, "--json"))


def test_runs_without_an_endpoint_are_those_of_this_machine(seqrank, told):
    assert [line["id"] for line in told("runs")] == [SECOND, FIRST]
    assert [line["id"] for line in told("runs", "--limit", "1")] == [SECOND]
    assert told("runs")[0]["started"].endswith("+00:00")
    rows = seqrank("runs").splitlines()
    assert rows[0].split()[:3] == ["RUN", "PIPELINE", "STATE"]
    assert rows[1].split()[:3] == [SECOND, "shop", "succeeded"]


def test_show_has_stages_figures_verdict_and_in_json_the_configuration(seqrank, told):
    shown = seqrank("show", SECOND)
    assert "from the cache" in shown
    assert made_results.WHY in shown
    assert "NDCG" not in shown.split("ndcg@10")[0]  # metrics are named as everywhere
    found = told("show", "2026-01-01")
    assert found["run"]["line"]["id"] == FIRST
    assert [stage["name"] for stage in found["run"]["stages"]][:2] == ["InteractionExampleGen", "StatisticsGen"]
    assert found["results"]["config"]["trainer.dropout"] == 0.3
    assert set(found["results"]["metrics"]) == {"valid", "test"}
    assert told("show")["run"]["line"]["id"] == SECOND


def test_artifacts_are_all_or_of_a_type_and_at_most_so_many(told):
    assert {each["type"] for each in told("artifacts", "--type", "model")} == {"Model"}
    assert len(told("artifacts", "--limit", "3")) == 3
    assert told("artifacts")[0]["state"] == "LIVE"


def test_open_shows_files_rows_and_texts(seqrank, told):
    shown = seqrank("open", "latest/Evaluator.evaluation")
    assert "blessing.json" in shown
    assert "40 rows, the first 10" in shown
    found = told("open", "latest/Evaluator.evaluation")
    assert {text["name"] for text in found["texts"]} == {"blessing.json", "metrics.json"}


def test_lineage_goes_back_to_files_and_commits_and_forward_to_models(seqrank, told):
    shown = seqrank("lineage", "latest/Pusher.pushed_model")
    assert "logs/day-1.csv  sha256 abababab" in shown
    assert f"Code of {FIRST}: commit c0ffee0" in shown
    assert f"Code of {SECOND}: commit c0ffee1" in shown
    assert "LatestBlessedModel" not in shown
    forward = told("lineage", f"{FIRST}/InteractionExampleGen.examples", "--forward")
    models = [each for each in forward["artifacts"].values() if each["type"] == "PushedModel"]
    assert len(models) == 2
    assert told("lineage", "day-1.csv", "--file")["artifacts"]


def test_compare_names_what_differs(seqrank, told):
    shown = seqrank("compare", FIRST)
    assert f"{FIRST} -> {SECOND}" in shown
    assert "DATA: the same" in shown
    (change,) = told("compare", FIRST, SECOND)["config"]
    assert change == {"what": "trainer.dropout", "before": 0.3, "after": 0.4}


@pytest.mark.parametrize(
    "words", [("show", "2027"), ("compare", "2027"), ("open", "latest/Nobody.x"), ("lineage", "99")]
)
def test_what_is_not_there_is_said_plainly(seqrank, words):
    with pytest.raises(StoreError, match="There is no such"):
        seqrank(*words)


def test_a_folder_without_runs_is_named_and_left_as_it_was(seqrank, tmp_path):
    with pytest.raises(StoreError, match=r"metadata.sqlite: No run has been here yet"):
        seqrank("runs", output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_the_configurations_where_none_is_named(seqrank, root, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(f"run: {{output_root: {root}}}\nexample_gen: {{data: 1}}\n")  # other sections don't matter here
    assert SECOND in seqrank("runs", "--config", str(config), output=None)
    config.write_text("run: {outptu_root: x}\nexample_gen: {data: [a.csv]}\n")
    with pytest.raises(ConfigError, match="outptu_root"):
        seqrank("runs", "--config", str(config), output=None)
    with pytest.raises(ConfigError, match="can't be read"):
        seqrank("runs", "--config", str(tmp_path / "none.yaml"), output=None)


def test_a_folder_that_is_named_needs_no_configuration(seqrank, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert SECOND in seqrank("runs")


@pytest.mark.parametrize("address", [":8080", "host:port", "a:b:c"])
def test_an_address_that_is_none_is_refused(address):
    done = CliRunner().invoke(app, ["runs", "--metadata", address])
    assert done.exit_code == 2


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_imports_what_takes_seconds(root, words):
    script = (
        "import json, sys; from pipeline.cli.__main__ import app; app(sys.argv[2:], standalone_mode=False);"
        "heavy = ('tensorflow', 'tfx', 'apache_beam', 'pandas', 'kfp', 'pipeline.config', 'plotly', 'fastapi');"
        "print(json.dumps([name for name in heavy if name in sys.modules]), file=open(sys.argv[1], 'w'))"
    )
    left = root / "imported.json"
    command = [sys.executable, "-c", script, str(left), *words, "--output", str(root)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(left.read_text()) == []
