"""The peers' search, with a real process a training: a script stands for RecBole, which isn't here."""

from __future__ import annotations

import json
import pathlib
import sys

import pytest

from benchmarks.peers import search

STAND_IN = """
import argparse, json, pathlib
parser = argparse.ArgumentParser()
for name in ("--order", "--output", "--model", "--seed", "--max-seconds", "--state", "--choose"):
    parser.add_argument(name)
parser.add_argument("--no-gradient-checks", action="store_true")
parser.add_argument("--set", action="append", default=[])
args = parser.parse_args()
given = dict(each.split("=") for each in args.set)
if given.get("dropout_prob") == "0.6":
    raise SystemExit("diverged")
found = {"ndcg@10": float(given.get("learning_rate", 0))}
record = {"model": args.model, "seed": int(args.seed), "epochs": 1, "valid": found, "test": found}
most = float(args.max_seconds)
record["ended"], record["seconds"] = ("stopped early by RecBole", 999) if most > 999 else ("by --max-seconds", most + 1)
state = pathlib.Path(args.state)
state.mkdir(parents=True, exist_ok=True)
record["calls"] = 1 + len(list(state.iterdir()))
(state / str(record["calls"])).touch()
pathlib.Path(args.output).with_suffix(".json").write_text(json.dumps(record))
"""


def searched(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> list[dict]:
    script = tmp_path / "peer.py"
    script.write_text(STAND_IN)
    monkeypatch.setattr(search, "PEER", script)
    folder = tmp_path / "search"
    given = ["search", "--order", "order.csv", "--folder", str(folder), "--models", "GRU4Rec", "--trials", "6"]
    monkeypatch.setattr(sys, "argv", [*given, "--jobs", "3", *more])
    search.main()
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture
def summary(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    return searched(tmp_path, monkeypatch)


def test_best_of_validation_is_trained_with_all_seeds(summary: list[dict]) -> None:
    trials = [record for record in summary if record["name"] != "defaults"]
    best = max(trials, key=lambda record: record["valid"]["ndcg@10"])
    assert sorted(record["seed"] for record in trials if record["name"] == best["name"]) == list(search.SEEDS)
    assert sorted(record["seed"] for record in summary if record["name"] == "defaults") == list(search.SEEDS)


def test_failed_trial_is_left_out_and_its_log_kept(summary: list[dict], tmp_path: pathlib.Path) -> None:
    failed = [n for n, each in enumerate(search.drawn("GRU4Rec", 6)) if each["dropout_prob"] == 0.6]
    assert failed, "none of the settings drawn here fails: the test shows nothing"
    assert {f"trial{n}" for n in failed}.isdisjoint(record["name"] for record in summary)
    assert "diverged" in (tmp_path / "search" / f"GRU4Rec-trial{failed[0]}-2020.log").read_text()


def test_a_third_goes_on_to_the_next_rung(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(tmp_path, monkeypatch, "--default-seeds", "1", "--rungs", "50", "200")
    first = {record["name"]: record for record in found if record["seed"] == search.SEEDS[0]}
    rates = {name: each["valid"]["ndcg@10"] for name, each in first.items() if name != "defaults"}
    going_on = sorted(rates, key=lambda name: -rates[name])[: -(-len(first) // 3)]
    assert {name for name, each in first.items() if each["seconds"] > 200} == {*going_on, "defaults"}
    assert first[going_on[0]]["calls"] == 3, "each rung goes on with the state of the one before"


def test_the_same_command_trains_nothing_again(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = searched(tmp_path, monkeypatch, "--rungs", "50")
    assert searched(tmp_path, monkeypatch, "--rungs", "50") == once


def test_time_of_everything(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(tmp_path, monkeypatch, "--seconds", "500")
    assert {record["ended"] for record in found if record["name"] == "defaults"} == {"by --max-seconds"}


def test_settings_are_the_same_every_time() -> None:
    assert search.drawn("SASRec", 4) == search.drawn("SASRec", 4)
    assert len({json.dumps(each) for each in search.drawn("SASRec", 24)}) > 20


def test_settings_that_are_not_named_stay_as_they_are() -> None:
    assert {tuple(each) for each in search.drawn("SASRec", 4, ["n_layers", "learning_rate"])} == {
        ("learning_rate", "n_layers")
    }
