"""A step in slices is the step: the same loss, gradients and metrics, however few rows there are."""

import os
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from ranker import slices
from ranker.catalogue import Catalogue
from ranker.model import SequenceRanker
from ranker.options import ModelOptions

ITEMS, WINDOW = 11, 6
CATALOGUE = Catalogue(
    items=np.array([f"i{n}" for n in range(ITEMS)]), counts=np.arange(1, ITEMS + 1), users=0, gaps=5, window=WINDOW,
    mask_seen=True,
)  # fmt: skip
SMALL = {"embedding_dim": 8, "dropout": 0.4}
POPULAR = {"name": "bpr_max", "negatives": {"name": "popularity", "count": 4}}
SHIPPED = {"gap_embedding": True, "bursts": [1], "architecture": {"units": 8}}
MODELS = {
    "shipped": SHIPPED,
    "thinned": {"loss": POPULAR, "architecture": {"units": 8, "layers": 2, "recurrent_dropout": 0.3}},
    "transformer": {"architecture": {"name": "sasrec", "blocks": 1}},
}


def rows(count, seed=4, width=WINDOW):
    """Histories of random lengths, with all that a step takes."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, width + 1, count)
    there = np.arange(width) < lengths[:, None]
    history, label = (np.where(there, rng.integers(2, ITEMS + 2, (count, width)), 0) for _ in range(2))
    return {
        "history": tf.constant(history, tf.int64), "label": tf.constant(label, tf.int64),
        "history_gap": tf.constant(np.where(there, 3, 0), tf.int64), "weight": tf.constant(there, tf.float32),
    }  # fmt: skip


def asked(count):
    """Rows of validation."""
    given = rows(count)
    return {
        "history": given["history"], "history_gap": given["history_gap"],
        "label": tf.fill([count], tf.constant(5, tf.int64)), "seen": given["history"][:, :2],
    }  # fmt: skip


def model(change):
    tf.keras.utils.set_random_seed(6)
    made = SequenceRanker(ModelOptions(**{**SMALL, **change}), CATALOGUE)
    made.compile(optimizer=tf.keras.optimizers.SGD(1.0))
    return made


def trained(change, steps, monkeypatch, several):
    """Losses of the steps, and the model after them."""
    monkeypatch.setattr(slices, "count", lambda *_: several)
    made = model(change)
    several_rows = {name: tf.TensorSpec([None, *value.shape[1:]], value.dtype) for name, value in steps[0].items()}
    step = tf.function(made.train_step, input_signature=[several_rows], autograph=False)
    return [float(step(batch)["loss"]) for batch in steps], made


@pytest.mark.parametrize("change", MODELS.values(), ids=MODELS)
def test_training_in_slices_is_training(monkeypatch, change):
    steps = [rows(21), rows(21, seed=5), rows(3)]  # of three rows two slices get none
    losses, whole = trained(change, steps, monkeypatch, 1)
    in_slices, sliced = trained(change, steps, monkeypatch, 3)
    np.testing.assert_allclose(in_slices, losses, rtol=1e-5)
    for one, other in zip(sliced.weights, whole.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=one.name)


@pytest.mark.parametrize("count", [2, 17])
def test_validation_in_slices_is_validation(monkeypatch, count):
    found = []
    for several in (1, 3):
        monkeypatch.setattr(slices, "count", lambda *_, several=several: several)
        found.append({name: float(value) for name, value in model(SHIPPED).test_step(asked(count)).items()})
    assert found[0] == pytest.approx(found[1], rel=1e-5)


@pytest.mark.parametrize(
    ("rows", "cores", "expected"), [(64, 2, (1, 2)), (32, 16, (8, 16)), (8, 4, (4, 4)), (64, 1, (1, 1))]
)
def test_cores_are_divided_among_slices_that_are_worth_it(rows, cores, expected):
    assert slices.threads(rows, cores) == expected


ALONE = """
import tensorflow as tf
from ranker import slices
def share(rows, cores):
    slices.share_cores(rows, cores)
    config = tf.config.threading
    print(config.get_intra_op_parallelism_threads(), config.get_inter_op_parallelism_threads(), slices.count())
share(64, 2)
tf.constant(1.0) + 1.0
share(64, 8)
"""


@pytest.mark.parametrize(("said", "expected"), [({}, "1 2 2"), ({"TF_NUM_INTRAOP_THREADS": "3"}, "0 0 1")])
def test_cores_are_shared_before_tensorflow_begins_unless_somebody_said_how(said, expected):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_NUM_")}
    done = subprocess.run(
        [sys.executable, "-c", ALONE], env={**environment, **said}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [expected, expected]


def test_large_catalogues_compiled_steps_and_replicas_are_whole(monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 1)
    monkeypatch.setattr(tf.config.threading, "get_inter_op_parallelism_threads", lambda: 3)
    made = model(SHIPPED)
    assert slices.count(made) == 3
    monkeypatch.setattr(slices, "MOST_ITEMS", ITEMS)  # padding and unknown items are rows of the table, too
    assert slices.count(made) == 1
    monkeypatch.setattr(slices, "MOST_ITEMS", 10 * ITEMS)
    made.compile(jit_compile=True)
    assert slices.count(made) == 1
    made.compile(jit_compile=False)
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: types.SimpleNamespace(num_replicas_in_sync=2))
    assert slices.count(made) == 1
