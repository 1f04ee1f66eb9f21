"""Holds runs of ours against a peer on the same test items: means, and a paired bootstrap over users.

    python -m benchmarks.peers.compare --ours runs/*/per_user --peer peers/gru4rec.csv

Ranks of several runs (training seeds) are averaged user by user, as NDCG, before users are drawn.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import polars as pl

from ranker.bootstrap import intervals
from ranker.metrics import hr_at_k, ndcg_at_k
from schemas import features as f

CUTOFF = 10


def per_user(paths: list[pathlib.Path], column: str = "rank") -> pl.DataFrame:
    """Mean NDCG@10 and HR@10 of each user over several files of ranks: user_id, ndcg, hr."""
    parts = []
    for path in paths:
        if path.suffix == ".csv":
            table = pl.read_csv(path, schema_overrides={f.USER_ID: pl.String})
        else:
            table = pl.read_parquet(path / "*.parquet").filter(pl.col("split") == f.TEST)
        rank = table[column].to_numpy()
        parts.append(
            table.select(f.USER_ID).with_columns(
                ndcg=pl.Series(ndcg_at_k(rank, CUTOFF)), hr=pl.Series(hr_at_k(rank, CUTOFF))
            )
        )
    return pl.concat(parts).group_by(f.USER_ID).mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=pathlib.Path, nargs="+", required=True, help="folders of per-user Parquet")
    parser.add_argument("--peer", type=pathlib.Path, nargs="+", required=True, help="CSV: user_id, rank")
    args = parser.parse_args()
    ours, peer, popular = per_user(args.ours), per_user(args.peer), per_user(args.ours, "popularity_rank")
    both = ours.join(peer, on=f.USER_ID, suffix="_peer", validate="1:1")
    if len(both) != len(ours) or len(both) != len(peer):
        raise ValueError(
            f"{len(ours)} users of ours, {len(peer)} of the peer's, {len(both)} in both: not the same test."
        )
    difference = (both["ndcg"] - both["ndcg_peer"]).to_numpy()[:, None]
    (interval,) = intervals(difference, both[f.USER_ID].to_numpy(), confidence=0.95, resamples=10_000, seed=0)
    result = {
        "users": len(both),
        "ours": {"runs": len(args.ours), "ndcg@10": ours["ndcg"].mean(), "hr@10": ours["hr"].mean()},
        "peer": {"runs": len(args.peer), "ndcg@10": peer["ndcg"].mean(), "hr@10": peer["hr"].mean()},
        "popularity": {"ndcg@10": popular["ndcg"].mean(), "hr@10": popular["hr"].mean()},
        "ratio": {"ndcg@10": ours["ndcg"].mean() / peer["ndcg"].mean(), "hr@10": ours["hr"].mean() / peer["hr"].mean()},
        "over_popularity": ours["ndcg"].mean() / popular["ndcg"].mean(),
        "ndcg_difference": {"mean": interval.value, "low": interval.low, "high": interval.high},
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
