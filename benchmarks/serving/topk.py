"""The first 100 of 10^6 items for one user at a time: the exported model's own way, and TensorFlow Recommenders'.

make benchmark-topk                    # minutes; ARGS="--items 100000" for fewer

The exported `rank` is exact. BruteForce and Streaming are TFRS' exact layers over made vectors; ScaNN, its approximate
one, only where the package is there. It is not in the lock, since its SavedModels need ops that TensorFlow Serving's
stock binary lacks; scann 1.3.2 is the one for TensorFlow 2.16. Recall is that of the exact first 100. Vectors are
normal, of 64 dimensions: hard for approximate search.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

K, DIMENSION, WINDOW = 100, 64, 20
_BAR: Final = "p99 within 50 ms, recall at least 0.99"


def exported(items: int, folder: str) -> Any:
    """An untrained model over so many items, exported and loaded as serving does."""
    import tensorflow as tf

    from ranker import export, saved
    from ranker.catalogue import Catalogue
    from ranker.model import SequenceRanker
    from ranker.options import ModelOptions

    names = np.char.add("i", np.arange(items).astype(str)).astype(object)
    lists = {"history": tf.string, "history_timestamp": tf.int64, "label": tf.string, "seen": tf.string}
    spec: dict[str, Any] = {name: tf.io.VarLenFeature(kind) for name, kind in lists.items()}
    spec["user_id"] = tf.io.FixedLenFeature([1], tf.string)
    spec["loss_from"] = tf.io.FixedLenFeature([1], tf.int64)

    class Transform(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            ids = tf.range(2, 2 + items, dtype=tf.int64)
            self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant(names), ids), 1)

        def __call__(self, raw: Any) -> dict[str, Any]:
            found = {name: raw[name] for name in ("history", "label", "seen")}
            ids = {name: column.with_values(self.table.lookup(column.values)) for name, column in found.items()}
            times = raw["history_timestamp"]
            return {**ids, "history_gap": times.with_values(times.values * 0), "loss_from": raw["loss_from"]}

    counts = 1 + 10 * items // np.arange(1, items + 1)
    catalogue = Catalogue(names, counts, 0, 2, WINDOW, mask_seen=True)
    options = ModelOptions(embedding_dim=DIMENSION, architecture={"name": "lstm", "units": DIMENSION})
    export.export(SequenceRanker(options, catalogue), Transform(), spec, folder, recommendations=K)
    return saved.load(folder)


def milliseconds(call: Callable[[int], Any], calls: int) -> dict[str, float]:
    """Of calls one after the other, the first ten apart."""
    times = []
    for n in range(calls + 10):
        began = time.perf_counter()
        call(n)
        times.append(1000 * (time.perf_counter() - began))
    p50, p99 = np.percentile(times[10:], [50, 99])
    return {"p50": float(p50), "p99": float(p99)}


def layers(items: int, calls: int) -> dict[str, dict[str, float]]:
    """TFRS' ways over made vectors, with their recall."""
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    random = np.random.default_rng(0)
    vectors = random.standard_normal((items, DIMENSION), np.float32)
    queries = random.standard_normal((calls + 10, 1, DIMENSION), np.float32)
    ways: dict[str, Callable[[], Any]] = {
        "BruteForce": lambda: tfrs.layers.factorized_top_k.BruteForce(k=K).index(vectors),
        "Streaming": lambda: tfrs.layers.factorized_top_k.Streaming(k=K).index_from_dataset(
            tf.data.Dataset.from_tensor_slices(vectors).batch(65_536)
        ),
    }
    try:
        import scann  # noqa: F401

        for leaves, again in ((100, 1000), (500, 2000), (1000, 5000)):
            ways[f"ScaNN, {leaves} of 1000 leaves, {again} looked at again"] = functools.partial(
                _scann, vectors, num_leaves_to_search=leaves, num_reordering_candidates=again
            )
    except ImportError:
        pass
    exact = [set(np.argpartition(-(vectors @ query[0]), K)[:K].tolist()) for query in queries[:20]]
    made = {}
    for name, index in ways.items():
        layer = index()
        found = [set(layer(tf.constant(query))[1].numpy()[0].tolist()) for query in queries[:20]]
        recall = float(np.mean([len(one & other) / K for one, other in zip(exact, found, strict=True)]))
        made[name] = {**milliseconds(lambda n, layer=layer: layer(tf.constant(queries[n])), calls), "recall": recall}
    return made


def _scann(vectors: np.ndarray, **told: int) -> Any:
    import tensorflow_recommenders as tfrs

    return tfrs.layers.factorized_top_k.ScaNN(k=K, num_leaves=1000, **told).index(vectors)


def main() -> None:
    """Prints a line of JSON a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=300)
    arguments = parser.parse_args()
    print(json.dumps({"items": arguments.items, "bar": _BAR}))
    with tempfile.TemporaryDirectory() as folder:
        ranker = exported(arguments.items, folder)
        states = [ranker.step(ranker.initial_state(1), [f"i{n}"]) for n in range(arguments.calls + 10)]
        rank = milliseconds(lambda n: ranker.rank(states[n], [[f"i{n}"]]), arguments.calls)
        print(json.dumps({"the exported rank": {**rank, "recall": 1.0}}), flush=True)
        history = [f"i{n}" for n in range(WINDOW)]
        whole = milliseconds(lambda n: ranker.recommend([[*history, f"i{n}"]]), arguments.calls)
        print(json.dumps({"the exported recommend": {**whole, "recall": 1.0}}), flush=True)
    for name, figures in layers(arguments.items, arguments.calls).items():
        print(json.dumps({f"TFRS {name}": figures}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    main()
