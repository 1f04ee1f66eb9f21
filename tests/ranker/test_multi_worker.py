"""Two processes that train together, as on two machines, have the loss curve of one; only the chief writes."""

import json
import os
import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf

from ranker.catalogue import Catalogue
from ranker.dataset import evaluation_batches, training_data
from ranker.model import SequenceRanker
from ranker.options import ModelOptions
from ranker.training import fit
from ranker.training_options import TrainingOptions

WINDOW, ITEMS = 8, 12
FILES = (19, 5, 24)  # rows of each; so one process has two files, and never as many rows of a batch as the other
SPEC = {name: tf.io.VarLenFeature(tf.int64) for name in ("history", "history_tied", "label", "loss_from", "seen")}
CATALOGUE = Catalogue(
    items=np.array([f"i{n}" for n in range(ITEMS)]), counts=np.full(ITEMS, 9), users=0, gaps=0, window=WINDOW,
    mask_seen=False,
)  # fmt: skip
# 48 rows are batches of 9 and 10. Without dropout: its masks are drawn for each process's own rows.
OPTIONS = TrainingOptions(epochs=4, batch_size=10, learning_rate=2e-2, weight_decay=0.0, patience=4, seed=3)
MODEL = ModelOptions(embedding_dim=8, dropout=0.0, architecture={"name": "lstm", "units": 8})


def write(folder):
    """Each item is followed by the next one, round and round."""
    rng = np.random.default_rng(0)
    for name, rows in [*((f"train-{n}", rows) for n, rows in enumerate(FILES)), ("valid", 20)]:
        with tf.io.TFRecordWriter(f"{folder}/{name}.gz", "GZIP") as writer:
            for _ in range(rows):
                n = int(rng.integers(3, WINDOW + 1))
                ids = 2 + (rng.integers(ITEMS) + np.arange(n + 1)) % ITEMS
                label = ids[-1:] if name == "valid" else ids[1:]
                values = {"history": ids[:-1], "history_tied": rng.integers(0, 2, n), "label": label,
                          "loss_from": [0], "seen": []}  # fmt: skip
                features = {k: tf.train.Feature(int64_list=tf.train.Int64List(value=v)) for k, v in values.items()}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def train(folder, workers=None, **kwargs):
    """One training, alone or as one of several; what came of it, as JSON can hold it."""
    files = sorted(str(file) for file in pathlib.Path(folder).glob("train-*.gz"))
    share = None if workers is None else workers.share
    data = training_data(files, SPEC, batch_size=OPTIONS.batch_size, window=WINDOW, seed=OPTIONS.seed,
                         shuffle_ties=True, share=share)  # fmt: skip
    valid = evaluation_batches([f"{folder}/valid.gz"], SPEC, batch_size=8, window=WINDOW)
    result = fit(lambda: SequenceRanker(MODEL, CATALOGUE), data, valid, OPTIONS, workers=workers, **kwargs)
    history = [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in result.history]
    weights = [weight.numpy().tolist() for weight in result.model.trainable_weights]
    return {"history": history, "weights": weights, "resumed_from": result.resumed_from, "device": result.device}


PROGRAM = (
    f"import sys; sys.path[:0] = [{str(pathlib.Path(__file__).parent)!r}, {os.getcwd()!r}]\n"
    "from ranker.workers import Workers\n"
    "workers = Workers.joined()\n"
    "import json, os, test_multi_worker as t\n"
    "result = t.train(sys.argv[1], workers, checkpoint=sys.argv[2], log_folder=sys.argv[3])\n"
    "workers.agree(end=0)\n"
    "print(json.dumps(result), flush=True)\n"
    "os._exit(0)\n"
)


def same(one, other):
    """Whether two trainings are the same but for the order in which gradients add up."""
    for alone, together in zip(one["history"], other["history"], strict=True):
        assert together == pytest.approx(alone, rel=1e-3)
    for alone, together in zip(one["weights"], other["weights"], strict=True):
        np.testing.assert_allclose(together, alone, rtol=0.02, atol=2e-3)


def test_two_processes_have_the_loss_curve_of_one_and_the_chief_alone_writes(tmp_path, machines):
    write(tmp_path)
    checkpoint = tmp_path / "c" / "training.npz"
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(checkpoint)]
    processes = [machines.start(kind, [*command, str(tmp_path / "logs" / kind)]) for kind in machines.cluster]
    alone = train(tmp_path)
    for process in processes:
        assert process.wait(timeout=300) == 0, machines.said(process)[-3000:]
    chief, worker = (json.loads(machines.said(process, "out").splitlines()[-1]) for process in processes)
    assert chief["device"] == "CPU x 2"
    assert chief == worker  # the very same weights
    same(alone, chief)
    assert checkpoint.exists()
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["chief"]
