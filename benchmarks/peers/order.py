"""Writes the order in which a run saw each user's events, so that a peer can be given exactly the same.

    python -m benchmarks.peers.order --root runs --output peers/order.csv

Columns user_id, item_id, timestamp; timestamp is the event's position in its user's history, from 0. So ties, of which
MovieLens-100K is full, can't be broken another way: the last item is the same test item for everyone.
"""

from __future__ import annotations

import argparse
import pathlib

import polars as pl

from schemas import features as f


def newest_interactions(root: pathlib.Path) -> pathlib.Path:
    """The folder of InteractionExampleGen's newest output under an output root.

    Raises: FileNotFoundError: there is none.
    """
    found = sorted(
        (root / "artifacts" / "InteractionExampleGen" / "examples").glob(f"*/Split-{f.ALL}"),
        key=lambda path: int(path.parent.name),
    )
    if not found:
        raise FileNotFoundError(f"No interactions under {root}: run `make run-local` first.")
    return found[-1]


def ordered(folder: pathlib.Path) -> pl.DataFrame:
    """Interactions in the order SequenceGen gives them: time, true order where configured, tie; duplicates once."""
    rows = pl.read_parquet(folder / "*.parquet")
    rows = rows.select(pl.col(name).list.first() for name in rows.columns).unique()
    keys = [name for name in (f.USER_ID, f.TIMESTAMP, f.ORDER, f.TIE) if name in rows.columns]
    rows = rows.sort(keys)
    position = pl.int_range(pl.len()).over(f.USER_ID).alias(f.TIMESTAMP)
    return rows.select(f.USER_ID, f.ITEM_ID, position)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("runs"))
    parser.add_argument("--output", type=pathlib.Path, required=True)
    args = parser.parse_args()
    table = ordered(newest_interactions(args.root))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    table.write_csv(args.output)
    print(f"{len(table)} interactions of {table[f.USER_ID].n_unique()} users: {args.output}")


if __name__ == "__main__":
    main()
