"""A step in slices is the step: the same loss, gradients and metrics, however few rows there are."""

import os
import subprocess
import sys

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
MODELS = {
    "shipped": {"gap_embedding": True, "bursts": [1], "architecture": {"units": 8}},
    "thinned": {"architecture": {"units": 8, "layers": 2, "recurrent_dropout": 0.3}},
    "transformer": {"architecture": {"name": "sasrec"}},
    "sampled": {"loss": POPULAR, "architecture": {"units": 8}},
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
    """Losses of two steps, and all weights after them."""
    monkeypatch.setattr(slices, "count", lambda whole=False: 1 if whole else several)
    made = model(change)
    step = tf.function(made.train_step, autograph=False, reduce_retracing=True)
    return [float(step(batch)["loss"]) for batch in steps], made


@pytest.mark.parametrize("change", MODELS.values(), ids=MODELS)
def test_training_in_slices_is_training(monkeypatch, change):
    steps = [rows(21), rows(21, seed=5)]
    losses, whole = trained(change, steps, monkeypatch, 1)
    in_slices, sliced = trained(change, steps, monkeypatch, 3)
    np.testing.assert_allclose(in_slices, losses, rtol=1e-5)
    for one, other in zip(sliced.weights, whole.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=one.name)


def test_slices_may_be_empty(monkeypatch):
    losses, _ = trained(MODELS["shipped"], [rows(3)], monkeypatch, 1)
    in_slices, sliced = trained(MODELS["shipped"], [rows(3)], monkeypatch, 3)
    np.testing.assert_allclose(in_slices, losses, rtol=1e-5)
    assert all(np.isfinite(weight).all() for weight in sliced.get_weights())


@pytest.mark.parametrize("count", [2, 17])
def test_validation_in_slices_is_validation(monkeypatch, count):
    found = []
    for several in (1, 3):
        monkeypatch.setattr(slices, "count", lambda whole=False, several=several: several)
        found.append({name: float(value) for name, value in model(MODELS["shipped"]).test_step(asked(count)).items()})
    assert found[0] == pytest.approx(found[1], rel=1e-5)


ALONE = """
import json, sys
import tensorflow as tf
from ranker import slices
config, found = tf.config.threading, []
def threads():
    slices.share_cores(int(sys.argv[1]), int(sys.argv[2]))
    found.append([config.get_intra_op_parallelism_threads(), config.get_inter_op_parallelism_threads(), slices.count()])
threads()
tf.constant(1.0) + 1.0
sys.argv[1] = "1000"
threads()
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("rows", "cores", "said", "expected"),
    [(64, 2, {}, [1, 2, 2]), (32, 16, {}, [8, 16, 2]), (8, 4, {}, [4, 4, 1]),
     (64, 8, {"TF_NUM_INTRAOP_THREADS": "3"}, [0, 0, 1])],
)  # fmt: skip
def test_cores_are_shared_before_tensorflow_begins_unless_somebody_said_how(rows, cores, said, expected):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_NUM_")}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(rows), str(cores)], env={**environment, **said},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == str([expected, expected])


def test_compiled_steps_and_replicas_are_whole():
    assert slices.count(whole=True) == 1
    devices = tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        with tf.distribute.MirroredStrategy([device.name for device in devices[:2]]).scope():
            assert slices.count() == 1
