"""Made logs: size, shape, planted order, formats, and the same file for the same seed."""

import hashlib

import numpy as np
import polars as pl
import pytest

from pipeline.datasets import synthesize

READ = {".csv": pl.read_csv, ".csv.gz": pl.read_csv, ".parquet": pl.read_parquet}


def following(user, rank, items):
    """Of the events that have one before them: whether they are its successor, and which item they are."""
    order = np.argsort(user, kind="stable")
    user, rank = user[order], rank[order]
    same = user[1:] == user[:-1]
    return (synthesize.successor(rank[:-1], items) == rank[1:])[same], rank[1:][same]


@pytest.mark.parametrize("suffix", sorted(READ))
def test_every_format_holds_the_same_rows(tmp_path, suffix):
    path = tmp_path / f"made{suffix}"
    synthesize.synthesize(path, rows=500, users=20, items=100, seed=3)
    frame = READ[suffix](path)
    assert frame.columns == ["user_id", "item_id", "rating", "timestamp"]
    assert frame.height == 500
    assert frame["timestamp"].is_sorted()
    reference = tmp_path / "reference.csv"
    synthesize.synthesize(reference, rows=500, users=20, items=100, seed=3)
    assert frame.with_columns(pl.col("rating").cast(pl.Int64)).equals(pl.read_csv(reference))


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_same_seed_same_bytes_and_another_seed_others(tmp_path, suffix):
    def digest(name, seed):
        synthesize.synthesize(tmp_path / f"{name}{suffix}", rows=300, users=9, items=90, seed=seed)
        return hashlib.sha256((tmp_path / f"{name}{suffix}").read_bytes()).hexdigest()

    assert digest("a", 1) == digest("b", 1) != digest("c", 2)


def test_many_rows_begin_earlier_and_don_t_reach_into_the_future(tmp_path, monkeypatch):
    ends = []
    for span in (63_072_000, 600):  # seconds; 500 events need 3,000
        monkeypatch.setattr(synthesize, "_SPAN", span)
        synthesize.synthesize(tmp_path / "made.csv", rows=500, users=20, items=100, seed=3)
        ends.append(pl.read_csv(tmp_path / "made.csv")["timestamp"].max() - synthesize._START - span)
    assert all(-span_left <= end < 0 for end, span_left in zip(ends, (63_072_000 // 500, 6), strict=True))


def test_without_repeats_no_user_meets_an_item_twice(tmp_path):
    path = tmp_path / "made.parquet"
    synthesize.synthesize(path, rows=3_000, users=50, items=200, seed=0)
    frame = pl.read_parquet(path)
    assert frame.select("user_id", "item_id").n_unique() == 3_000


def test_with_repeats_the_next_item_follows_as_often_as_documented():
    user, rank = synthesize.events(np.random.default_rng(0), 200_000, 2_000, 1_000, repeats=True)
    follows, item = following(user, rank, 1_000)
    # three standard errors of a share over 198,000 events are 0.004; a fresh draw may be the successor by chance
    assert follows.mean() == pytest.approx(synthesize.FOLLOW, abs=0.008)
    best = (follows | (item < 9)).mean()
    assert best == pytest.approx(synthesize.ceiling(1_000, 10), abs=0.008)


def test_popularity_is_zipf_within_a_factor_of_two():
    _, rank = synthesize.events(np.random.default_rng(0), 500_000, 5_000, 1_000, repeats=True)
    share = np.bincount(rank, minlength=1_000) / len(rank)
    expected = np.array([1 / (r + 1) for r in range(1_000)])
    expected /= expected.sum()
    bands = [slice(0, 8), slice(8, 16), slice(16, 32), slice(32, 64), slice(512, 1_000)]
    for band in bands:
        assert share[band].sum() == pytest.approx(expected[band].sum(), rel=0.05)


def test_successors_are_a_permutation_of_the_catalogue():
    for items in (1, 7, 8, 9, 100):
        after = synthesize.successor(np.arange(items), items)
        assert sorted(after) == list(range(items))


def test_more_rows_than_unseen_items_is_refused(tmp_path):
    with pytest.raises(ValueError, match="ask for fewer rows"):
        synthesize.synthesize(tmp_path / "made.csv", rows=101, users=10, items=10)


@pytest.mark.parametrize(("name", "rows"), [("made.txt", 10), ("made.csv", 0)])
def test_unknown_suffix_and_no_rows_are_refused(tmp_path, name, rows):
    with pytest.raises(ValueError, match=r"\.parquet|at least 1"):
        synthesize.synthesize(tmp_path / name, rows=rows, users=5, items=50)
