"""One measurement of RecBole's GRU4Rec for benchmarks.speed: a process of its own, which ends with a line of JSON.

Runs in RecBole's environment and imports nothing of ours. RecBole makes a row of each target, with its history in
front; a step is RecBole's own loss, gradient and optimiser.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import tempfile
import time

import torch
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed
from recbole_peer import configure, histories, ranks_by_user, write_atomic_file

_SQUARE = 2048
_PATIENCE = 3.0


def matrix_rate() -> float:
    """The machine's best rate in products of square float32 matrices, in operations a second."""
    left, right = torch.randn(_SQUARE, _SQUARE), torch.randn(_SQUARE, _SQUARE)
    best, until = float("inf"), time.perf_counter() + _PATIENCE
    while time.perf_counter() < until:
        began = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - began)
    return 2 * _SQUARE**3 / best


def operations(model: torch.nn.Module, length: int) -> int:
    """Matrix operations of a target, forwards (one third) and backwards: GRU, projection, scores of all items."""
    width, hidden = model.embedding_size, model.hidden_size
    gru = length * 3 * hidden * (width + hidden)
    return 3 * 2 * (gru + length * hidden * width + width * model.n_items)


def train(trainer, model: torch.nn.Module, data, seconds: float) -> tuple[float, float]:
    """Seconds to the first step's end; targets a second of those after it."""
    model.train()
    began, first, rows = time.perf_counter(), None, 0
    while True:
        for batch in data:
            trainer.optimizer.zero_grad()
            model.calculate_loss(batch).backward()
            trainer.optimizer.step()
            now = time.perf_counter()
            if first is None:
                first = now
                continue
            rows += len(batch)
            if now - first > seconds:
                return first - began, rows / (now - first)


def users_a_second(model: torch.nn.Module, dataset, rows, seen) -> float:
    """Users whose label is ranked in the whole catalogue, past items masked, in the best of three passes."""
    model.eval()
    times = []
    for _ in range(3):
        began = time.perf_counter()
        ranks_by_user(model, dataset, rows, seen)
        times.append(time.perf_counter() - began)
    return len(rows) / min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--order", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--no-gradient-checks", action="store_true", help="as recbole_peer.py has it")
    arguments = parser.parse_args()
    order = arguments.order.resolve()
    torch.set_num_threads(arguments.threads)
    rate = matrix_rate()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_atomic_file(order, pathlib.Path(folder))
        os.chdir(folder)  # RecBole leaves logs where it runs
        config = configure(pathlib.Path(folder), "GRU4Rec", 2020)
        config["train_batch_size"] = arguments.batch
        init_seed(config["seed"], config["reproducibility"])
        dataset = create_dataset(config)
        seen = histories(dataset, 2)
        data, valid, _ = data_preparation(config, dataset)
        model = get_model("GRU4Rec")(config, data.dataset)
        if arguments.no_gradient_checks:
            torch.autograd.set_detect_anomaly(False)
        trainer = get_trainer(config["MODEL_TYPE"], "GRU4Rec")(config, model)
        prepared = time.perf_counter() - began
        first, targets = train(trainer, model, data, arguments.seconds)
        users = users_a_second(model, dataset, valid.dataset.inter_feat, seen)
    figures = {
        "targets_per_second": targets,
        "share_of_machine": targets * operations(model, config["MAX_ITEM_LIST_LENGTH"]) / rate,
        "machine_matrix_rate": rate,
        "first_step_seconds": prepared + first,
        "users_per_second": users,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
