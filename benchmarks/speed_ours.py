"""One measurement of ours for benchmarks.speed: a process of its own, which ends with a line of JSON.

Everything is the Trainer's own: data, model, loss, optimiser, validation (benchmarks.profile.Trained, ranker.job).
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import resource
import time
from typing import Any, Final

_PASSES: Final = 20  # over the rows at a time: Keras takes a while to begin


def speed(arguments: argparse.Namespace) -> dict[str, float]:
    """Targets a second, share of the machine's rate of matrix products, seconds to the first step, users a second."""
    from benchmarks.profile import Trained, matrix_rate, measure, read_job, summary
    from pipeline.config import load
    from ranker.training import numerics

    rate = matrix_rate()
    began = time.perf_counter()
    job = read_job(arguments.root, load(arguments.config, arguments.set))
    with numerics(job.options):
        trained = Trained(job)
        trained.step(next(iter(trained.data.batches(0, 1))))
        first = time.perf_counter() - began
        found = measure(trained, arguments.steps)
        users = _users_a_second(trained, job)
    figures = summary(found, rate, trained.held_bytes())
    return {
        "targets_per_second": figures["labels_per_second"],
        "share_of_machine": figures["share_of_machine"],
        "machine_matrix_rate": rate,
        "first_step_seconds": first,
        "users_per_second": users,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _users_a_second(trained: Any, job: Any) -> float:
    """Rows of validation whose labels are ranked in the whole catalogue, past items masked: read, scored, counted."""
    from ranker.dataset import evaluation_batches

    spec, window = job.transform.transformed_feature_spec(), job.catalogue.window
    batches = evaluation_batches(job.valid_files, spec, batch_size=256, window=window)
    rows = _PASSES * sum(int(batch["label"].shape[0]) for batch in batches)
    batches = batches.repeat(_PASSES)
    trained.model.evaluate(batches, verbose=0)  # traced
    times = []
    for _ in range(3):
        began = time.perf_counter()
        trained.model.evaluate(batches, verbose=0)
        times.append(time.perf_counter() - began)
    return rows / min(times)


def quality(arguments: argparse.Namespace) -> dict[str, Any]:
    """Trains with the whole schedule; NDCG@10 on validation against seconds, reading and validation included."""
    from benchmarks.profile import read_job
    from pipeline.config import load

    began = time.perf_counter()
    job = read_job(arguments.root, load(arguments.config, arguments.set))
    job = dataclasses.replace(job, options=job.options.model_copy(update={"patience": job.options.epochs}))
    prepared = time.perf_counter() - began
    found = job.train(job.train_files, job.valid_files, checkpoint=None)
    outside = time.perf_counter() - began - prepared - sum(epoch["seconds"] for epoch in found.history)
    spent = itertools.accumulate((epoch["seconds"] for epoch in found.history), initial=prepared + outside)
    curve = [(seconds, epoch["val_ndcg@10"]) for seconds, epoch in zip(list(spent)[1:], found.history, strict=True)]
    return {"curve": curve, "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["speed", "quality"])
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--config", type=pathlib.Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=100)
    arguments = parser.parse_args()
    from pipeline.config import load
    from ranker import slices

    slices.share_cores(load(arguments.config, arguments.set).trainer.batch_size, arguments.threads)
    print(json.dumps((speed if arguments.what == "speed" else quality)(arguments)))


if __name__ == "__main__":
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # as the Trainer's process has it
    main()
