"""Holds runs of ours against a peer on the same test items: means, and a paired bootstrap over users.

    python -m benchmarks.peers.compare --ours runs/*/per_user --peer peers/gru4rec.csv

Ranks of several runs (training seeds) are averaged user by user, as NDCG, before users are drawn.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import numpy as np
import polars as pl

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


def paired_bootstrap(difference: np.ndarray, resamples: int = 10_000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of the mean difference, users drawn with replacement (Efron, Tibshirani, 1993).

    Args:
        difference: [n] float64, one user each.
        resamples: number of draws.
        seed: of the draws.
    Returns: lower and upper end.
    """
    rng = np.random.default_rng(seed)
    means = [difference[rng.integers(0, len(difference), len(difference))].mean() for _ in range(resamples)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


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
    low, high = paired_bootstrap((both["ndcg"] - both["ndcg_peer"]).to_numpy())
    result = {
        "users": len(both),
        "ours": {"runs": len(args.ours), "ndcg@10": ours["ndcg"].mean(), "hr@10": ours["hr"].mean()},
        "peer": {"runs": len(args.peer), "ndcg@10": peer["ndcg"].mean(), "hr@10": peer["hr"].mean()},
        "popularity": {"ndcg@10": popular["ndcg"].mean(), "hr@10": popular["hr"].mean()},
        "over_popularity": ours["ndcg"].mean() / popular["ndcg"].mean(),
        "ndcg_difference": {"mean": ours["ndcg"].mean() - peer["ndcg"].mean(), "low": low, "high": high},
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
