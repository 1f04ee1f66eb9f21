"""Trains a model of RecBole at its defaults on an order of interactions, and writes the rank of each test item.

    python benchmarks/peers/recbole_peer.py --order peers/order.csv --output peers/gru4rec.csv

Runs in an environment of its own (`make setup-peers`), since RecBole's packages and ours don't agree; it imports
nothing of ours. RecBole evaluates without masking what a user has already seen, so ranks are taken from its scores
here: over the whole catalogue, the history masked, the label not.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pathlib
import tempfile
from typing import NamedTuple

import numpy as np
import recbole
import torch
import yaml
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.utils import get_model, get_trainer, init_seed
from recbole_course import Course, OutOfTimeError


def write_atomic_file(order: pathlib.Path, folder: pathlib.Path) -> None:
    """RecBole's own format: a typed header and tabs."""
    target = folder / "log" / "log.inter"
    target.parent.mkdir(parents=True)
    with order.open(encoding="utf-8", newline="") as source, target.open("w", encoding="utf-8") as out:
        out.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for row in csv.DictReader(source):
            out.write(f"{row['user_id']}\t{row['item_id']}\t{row['timestamp']}\n")


def configure(folder: pathlib.Path, model: str, seed: int, more: dict[str, object] | None = None) -> Config:
    """RecBole's defaults, but for where the data are, the split that papers use, and `more`."""
    return Config(
        model=model,
        dataset="log",
        config_dict={
            "data_path": str(folder),
            "checkpoint_dir": str(folder / "saved"),
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full", "group_by": "user"},
            "train_neg_sample_args": None,
            "seed": seed,
            "reproducibility": True,
            "show_progress": False,
            "use_gpu": False,
            **(more or {}),
        },
    )


def masked_ranks(model: torch.nn.Module, batch: Interaction, seen: dict[int, np.ndarray]) -> np.ndarray:
    """Rank of each label, 1 is best; ties count against the label's favour only by lower item number."""
    with torch.no_grad():
        scores = model.full_sort_predict(batch).view(len(batch), -1).cpu().numpy()
    labels = batch[model.POS_ITEM_ID].cpu().numpy()
    scores[:, 0] = -np.inf
    own = scores[np.arange(len(labels)), labels].copy()
    for row, user in enumerate(batch[model.USER_ID].cpu().numpy()):
        scores[row, seen[user]] = -np.inf
    scores[np.arange(len(labels)), labels] = own
    before = (scores == own[:, None]) & (np.arange(scores.shape[1]) < labels[:, None])
    return 1 + (scores > own[:, None]).sum(1) + before.sum(1)


def histories(dataset, held_out: int) -> dict[int, np.ndarray]:
    """Every item of a user but the last `held_out`, by RecBole's own numbers."""
    users = dataset.inter_feat[dataset.uid_field].to_numpy()
    items = dataset.inter_feat[dataset.iid_field].to_numpy()
    times = dataset.inter_feat[dataset.time_field].to_numpy()
    order = np.lexsort((times, users))
    users, items = users[order], items[order]
    ends = np.flatnonzero(np.diff(users, append=-1))
    starts = np.concatenate([[0], ends[:-1] + 1])
    return {int(users[end]): items[start : end + 1 - held_out] for start, end in zip(starts, ends, strict=True)}


def ranks_by_user(model: torch.nn.Module, dataset, rows, seen) -> tuple[np.ndarray, np.ndarray]:
    """User ids and masked ranks of the labels of a split."""
    ranks = np.concatenate(
        [masked_ranks(model, rows[a : a + 256].to(model.device), seen) for a in range(0, len(rows), 256)]
    )
    return dataset.id2token(dataset.uid_field, rows[dataset.uid_field].numpy()), ranks


def metrics(ranks: np.ndarray) -> dict[str, float]:
    """HR@10 and NDCG@10 of ranks, 1 is best."""
    hit = ranks <= 10
    return {"labels": len(ranks), "hr@10": float(hit.mean()), "ndcg@10": float((hit / np.log2(1 + ranks)).mean())}


def described(split: str, found: dict[str, float]) -> str:
    return (
        f"{found['labels']} {split} items, history masked: HR@10 {found['hr@10']:.4f}, NDCG@10 {found['ndcg@10']:.4f}"
    )


def settings(given: list[str]) -> dict[str, object]:
    """KEY=VALUE, the value as YAML has it, which is how RecBole reads its own files."""
    return {key: yaml.safe_load(value) for key, _, value in (each.partition("=") for each in given)}


def absolute(path: str) -> pathlib.Path:
    """A path that holds wherever RecBole goes."""
    return pathlib.Path(path).resolve()


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--order", type=absolute, required=True)
    parser.add_argument("--output", type=absolute, required=True)
    parser.add_argument("--model", default="GRU4Rec")
    parser.add_argument("--seed", type=int, default=2020)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="over RecBole's defaults")
    parser.add_argument("--max-seconds", type=float, default=float("inf"), help="end the training after the epoch")
    parser.add_argument("--state", type=absolute, help="folder to keep the training in, and to go on from")
    parser.add_argument(
        "--choose", choices=["recbole", "masked"], default="recbole",
        help="the best epoch by RecBole's own validation score, MRR@10 with past items among the answers, or by "
        "NDCG@10 without them, as ours is chosen",
    )  # fmt: skip
    parser.add_argument(
        "--no-gradient-checks", action="store_true",
        help="without torch's search for NaN in every gradient, which importing RecBole switches on: a third faster",
    )  # fmt: skip
    return parser.parse_args()


def fitted(trainer, train, valid, course: Course, args: argparse.Namespace) -> str:
    """Trains, or goes on; why it ended."""
    if not course.over():
        try:
            trainer.fit(train, valid, saved=True, show_progress=False, callback_fn=course)
            return "stopped early by RecBole"
        except OutOfTimeError:
            pass
    return f"ended by --max-seconds {args.max_seconds:.0f}"


class Trained(NamedTuple):
    """How a training went, why it ended, ranks of validation's labels, users of test's and their labels' ranks."""

    course: Course
    ended: str
    valid_ranks: np.ndarray
    users: np.ndarray
    ranks: np.ndarray


def trained(args: argparse.Namespace, root: pathlib.Path) -> Trained:
    """Trains in an empty folder."""
    write_atomic_file(args.order, root)
    os.chdir(root)  # RecBole leaves logs where it runs
    config = configure(root, args.model, args.seed, settings(args.set))
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    before_valid, before_test = histories(dataset, 2), histories(dataset, 1)
    train, valid, test = data_preparation(config, dataset)
    model = get_model(config["model"])(config, train.dataset).to(config["device"])
    if args.no_gradient_checks:
        torch.autograd.set_detect_anomaly(False)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)

    def validated() -> np.ndarray:
        model.eval()
        return ranks_by_user(model, dataset, valid.dataset.inter_feat, before_valid)[1]

    judge = (lambda: metrics(validated())["ndcg@10"]) if args.choose == "masked" else None
    course = Course(trainer, train.generator, args.max_seconds, args.state or root / "state", judge)
    ended = fitted(trainer, train, valid, course, args)
    model.load_state_dict(course.best())
    valid_ranks = validated()
    return Trained(course, ended, valid_ranks, *ranks_by_user(model, dataset, test.dataset.inter_feat, before_test))


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    # RecBole 1.2.1 saves objects in its checkpoints, which newer versions of torch don't load unless told to.
    load = torch.load
    torch.load = lambda *a, **kw: load(*a, **{"weights_only": False, **kw})
    with tempfile.TemporaryDirectory() as folder:
        course, ended, valid_ranks, users, ranks = trained(args, pathlib.Path(folder))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with args.output.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("user_id", "rank"), *zip(users, ranks.tolist(), strict=True)])
    last = f"{len(course.curve)} epochs in {course.curve[-1][0]:.0f} s on {args.threads} thread(s)"
    print(f"{args.model}, seed {args.seed}: {last}, {ended}")
    found = {"valid": metrics(valid_ranks), "test": metrics(ranks)}
    print("\n".join(described(*pair) for pair in found.items()))
    record = {
        "model": args.model, "seed": args.seed, "settings": args.set, "threads": args.threads, "ended": ended,
        "epochs": len(course.curve), "seconds": course.curve[-1][0], "processor_seconds": course.processor, **found,
        "curve": course.curve,
        "recbole": recbole.__version__, "torch": torch.__version__,
    }  # fmt: skip
    args.output.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
