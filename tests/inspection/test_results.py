"""What came of a run is read of its artifacts; what isn't there is None or empty."""

import pathlib

import pytest

from benchmarks import made_results
from inspection import results
from inspection.results import VALID, Metric


@pytest.fixture
def done(store):
    """A run whose stages left what stages leave."""
    run = store.run("2026-01-02")
    made_results.write(run)
    return run


def test_verdict_figures_training_and_data_are_those_of_the_files(done):
    found = results.of(done)
    assert found.blessed
    assert found.why == made_results.WHY
    assert [check["name"] for check in found.checks] == ["beats_popularity"]
    ndcg = found.figure("ndcg@10")
    assert ndcg.high - ndcg.low == pytest.approx(0.02)
    assert found.figure("coverage@10") == Metric(0.5, None, None)
    assert found.figure("ndcg@10", VALID, "popularity").value == pytest.approx(found.figure("ndcg@10", VALID).value / 2)
    assert found.training["best_epoch"] == 1
    assert found.counts["reasons"] == {"bad time": 3}
    assert found.gate["rejected"] == 3


def test_a_figure_that_nobody_measured_is_none(done):
    found = results.of(done)
    assert found.figure("auc") is None
    assert found.figure("ndcg@10", model="baseline") is None
    assert found.figure("ndcg@10", split="train") is None


def test_a_run_that_failed_has_what_was_there_before(store):
    found = results.of(store.run("2026-01-03"))
    assert found.blessed is None
    assert found.why == ""
    assert found.metrics == {}
    assert found.pushed is None
    assert found.config["trainer.dropout"] == 0.5


@pytest.mark.parametrize("text", ["", "{", "no JSON"])
def test_a_file_that_cannot_be_read_is_as_if_it_were_not_there(store, text):
    run = store.run("2026-02-01")
    made_results.write(run)
    (pathlib.Path(run.stage("Evaluator").output("evaluation").uri) / "blessing.json").write_text(text)
    assert results.of(run).blessed is None


def test_a_tree_of_knobs_is_flattened_with_points_between():
    assert results.flat({"a": {"b": 1, "c": {}}, "d": [2]}, "x") == {"x.a.b": 1, "x.d": [2]}
