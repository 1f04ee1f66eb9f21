"""A bucket's sequences, from events to record batches."""

from __future__ import annotations

import tracemalloc

import numpy as np
import polars as pl

from components.sequence_gen import counts
from components.sequence_gen.sequences import Sequences
from components.sequence_gen.splits import leave_last_out
from schemas import features as f
from schemas import histories


def test_a_million_events_of_one_user_make_sequences_in_bounded_memory():
    n = 1_000_000
    rng = np.random.default_rng(0)
    rows = (
        pl.DataFrame({f.USER_ID: ["u"], f.TIE: [0]})
        .select(pl.all().repeat_by(n).explode())
        .with_columns(
            pl.Series(f.ITEM_ID, rng.integers(0, 50_000, n)).cast(pl.String), pl.Series(f.TIMESTAMP, np.arange(n))
        )
    )
    events = leave_last_out.assign(histories.order(rows)[0], leave_last_out.Options())
    popularity = counts.popularity(counts.add_up([counts.of_training(events)]))
    tracemalloc.start()
    sequences = Sequences(events, popularity, window=50, overlap=10, mask_seen=True)
    labels = sum(len(batch.column("label").flatten()) - 10 * batch.num_rows for batch in sequences.of(f.TRAIN))
    (test,) = sequences.of(f.TEST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert labels + 10 == n - 3  # every event but the first, validation and test; the oldest window has no overlap
    assert len(test.column("seen").flatten()) + len(set(test.column("history").flatten().to_pylist())) == 50_000
    assert peak < 200e6


def test_popularity_slices_part_training_into_thirds():
    table = pl.DataFrame({f.ITEM_ID: list("abcde"), counts.COUNT: [3, 2, 2, 1, 1]})  # 9 interactions
    assert counts.popularity(table)[f.LABEL_POPULARITY].to_list() == ["head", "middle", "middle", "tail", "tail"]


def test_counts_add_up_most_frequent_first_and_equal_ones_by_bytes():
    parts = [pl.DataFrame({f.ITEM_ID: list(ids), counts.COUNT: [1] * len(ids)}) for ids in ("zé", "za", "é")]
    assert counts.add_up(parts).rows() == [("z", 2), ("é", 2), ("a", 1)]
    assert counts.add_up([]).height == 0
