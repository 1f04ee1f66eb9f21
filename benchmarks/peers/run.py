"""Three seeds of ours and of a peer on MovieLens-100K, in one order, and what the comparison says.

make benchmark-peers                               # RecBole's defaults; two or three hours, most of them the peer's
make benchmark-peers ARGS="--peer-seeds 2020 --model SASRec --peer-set hidden_size=128"
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys

from benchmarks.peers.search import SEEDS
from benchmarks.runs import run_chain

HERE = pathlib.Path(__file__).parent


def ours(folder: pathlib.Path, seeds: list[int]) -> list[str]:
    """Runs the chain once a seed, data stages from the cache, and returns each run's folder of per-user ranks."""
    found = []
    for seed in seeds:
        run_chain(folder, "--set", f"trainer.seed={seed}")
        summary = json.loads((folder / "latest" / "summary.json").read_text(encoding="utf-8"))
        found.append(str(pathlib.Path(summary["paths"]["evaluation"]) / "per_user"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs-peers"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--model", default="GRU4Rec")
    parser.add_argument("--peer-python", default=".venv-peers/bin/python")
    parser.add_argument("--peer-seeds", type=int, nargs="+", default=list(SEEDS), help="RecBole's own is 2020")
    parser.add_argument("--peer-set", action="append", default=[], metavar="KEY=VALUE", help="over RecBole's defaults")
    args = parser.parse_args()
    per_user = ours(args.folder, args.seeds)
    order = args.folder / "order.csv"
    here = [sys.executable, "-m"]
    subprocess.run([*here, "benchmarks.peers.order", "--root", args.folder, "--output", order], check=True)
    ranks = [args.folder / f"{args.model}-{seed}.csv" for seed in args.peer_seeds]
    for seed, output in zip(args.peer_seeds, ranks, strict=True):
        peer = [args.peer_python, HERE / "recbole_peer.py", "--order", order, "--output", output, "--seed", str(seed)]
        more = [part for each in args.peer_set for part in ("--set", each)]
        subprocess.run([*peer, "--model", args.model, *more], check=True)
    subprocess.run([*here, "benchmarks.peers.compare", "--ours", *per_user, "--peer", *ranks], check=True)


if __name__ == "__main__":
    main()
