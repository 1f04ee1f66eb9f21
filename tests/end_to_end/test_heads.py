"""The whole chain with the heads pointwise and rating, by their own configurations, on a slice of MovieLens-100K.

The slice is real: whether a film was watched, and how it was liked. Without network and copy there is none: skipped.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from pipeline.datasets import movielens
from ranker import saved
from schemas.errors import DataError
from schemas.runs import Manifest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 600  # seconds for a chain, on a busy machine
USERS = 300
KNOBS = ("trainer.epochs=3", "trainer.learning_rate=0.005", "trainer.model.architecture.units=64")
FIRST = {"pointwise": "log_loss", "rating": "rmse"}
TRIVIAL = {"pointwise": ("popularity", "constant"), "rating": ("item_mean", "mean")}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """All that some of the users did."""
    try:
        log = pl.read_csv(movielens.ensure())
    except DataError as error:
        pytest.skip(f"no MovieLens-100K: {error.what}")
    path = tmp_path_factory.mktemp("data") / "slice.csv"
    log.filter(pl.col("user_id") <= USERS).write_csv(path)
    return path


@pytest.fixture(scope="module", params=FIRST)
def ran(request, data, tmp_path_factory):
    """The head, exit status, what was printed, and the summary."""
    root = tmp_path_factory.mktemp(request.param) / "runs"
    config = ROOT / "configs" / f"movielens-100k-{request.param}.yaml"
    words = [sys.executable, "-m", "pipeline.cli", "run", "--config", str(config), "--data", str(data)]
    words += ["--output", str(root), *(word for knob in KNOBS for word in ("--set", knob))]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, timeout=PATIENCE)
    summary = root / "latest" / "summary.json"
    printed = done.stdout + done.stderr
    return request.param, done.returncode, printed, json.loads(summary.read_text()) if summary.exists() else {}


def test_the_heads_own_configuration_ends_blessed_by_its_metric_and_pushed(ran):
    head, status, printed, summary = ran
    assert status == 0, printed
    assert summary["blessed"]
    assert summary["pushed"]
    assert FIRST[head] in summary["why"]
    assert summary["head"] == head
    manifest = json.loads((pathlib.Path(summary["pushed_model"]) / "manifest.json").read_text())
    assert Manifest.model_validate(manifest).head == head


def test_the_model_is_better_than_whoever_knows_the_item_alone_or_nothing(ran):
    head, _, _, summary = ran
    values = {name: metrics[FIRST[head]] for name, metrics in summary["metrics"].items() if FIRST[head] in metrics}
    assert set(values) == {"test", "valid", *TRIVIAL[head]}
    assert all(values["test"] < values[name] for name in TRIVIAL[head])
    assert summary["metrics"]["test"]["scored"] > 0.95 * summary["metrics"]["test"]["examples"]


def test_the_heads_metrics_come_first_and_ranks_are_told_as_well(ran):
    head, _, printed, summary = ran
    assert next(iter(summary["metrics"]["test"])) == FIRST[head]
    shown = [line.split()[0] for line in printed.splitlines() if line.strip()]
    assert shown.index(FIRST[head]) < shown.index("ndcg@10")


def test_the_published_model_is_asked_for_scores_and_answers_in_their_order(ran):
    head, _, _, summary = ran
    model = saved.load(summary["pushed_model"])
    history, times = [["50", "181", "172"], ["288", "294"]], [[1, 2, 3], [4, 5]]
    answer = model.recommend(history, times)
    assert not set(answer.item_ids[0]) & set(history[0])
    assert (np.diff(answer.scores, axis=1) <= 0).all()
    low, high = {"pointwise": (0.0, 1.0), "rating": (1.0, 5.0)}[head]
    assert low <= answer.scores.min() <= answer.scores.max() <= high
    scores = model.score(history, [[*row[:5], "no such film"] for row in answer.item_ids], times)
    np.testing.assert_allclose(scores[:, :5], answer.scores[:, :5], rtol=1e-4)
    assert np.isnan(scores[:, 5]).all()
