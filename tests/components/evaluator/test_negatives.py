import numpy as np
import polars as pl
import pyarrow as pa

from components.evaluator.negatives import NONE, Negatives
from schemas import records

ITEMS = pl.Series([f"i{n}" for n in range(40)])


def read(rows=500, seen=("i3",)):
    """Users who all have seen i0 to i2, whatever `seen` says, and something of their own."""
    own = [[f"i{10 + n % 7}"] for n in range(rows)]
    return records.from_examples(
        records.to_examples(
            pa.RecordBatch.from_pydict(
                {
                    "user_id": [[f"u{n}"] for n in range(rows)],
                    "history": [["i0", "i1", "unknown", "i2", *mine] for mine in own],
                    "seen": [list(seen)] * rows,
                    "label": [[f"i{20 + n % 9}"] for n in range(rows)],
                    "label_timestamp": [[n] for n in range(rows)],
                }
            )
        )
    )


def test_neither_label_nor_past_is_drawn():
    batch = read()
    drawn = Negatives(ITEMS, np.ones(40), mask_seen=True).draw("valid", batch, 25)
    assert (drawn != NONE).all()
    assert not np.isin(drawn, [0, 1, 2, 3]).any()
    rows = np.arange(500)[:, None]
    assert not (drawn == 20 + rows % 9).any()
    assert not (drawn == 10 + rows % 7).any()


def test_where_the_past_is_no_mask_only_the_label_is_left_out():
    drawn = Negatives(ITEMS, np.ones(40), mask_seen=False).draw("valid", read(), 25)
    assert np.isin([0, 1, 2, 3], drawn).all()
    assert not (drawn == 20 + np.arange(500)[:, None] % 9).any()


def test_items_come_as_often_as_their_shares_say():
    shares = np.arange(1, 41.0)
    drawn = Negatives(ITEMS, shares, mask_seen=True).draw("valid", read(2000), 20)
    free = [n for n in range(40) if n > 3 and not 10 <= n < 17 and not 20 <= n < 29]
    counts = np.bincount(drawn.ravel(), minlength=40)[free]
    expected = shares[free] / shares[free].sum() * counts.sum()
    np.testing.assert_allclose(counts, expected, atol=5 * np.sqrt(expected.max()))


def test_draws_follow_from_the_sequence_alone_and_differ_between_splits():
    batch, order = read(), np.random.default_rng(0).permutation(500)
    negatives = Negatives(ITEMS, np.ones(40), mask_seen=True)
    there = negatives.draw("valid", batch, 5)
    np.testing.assert_array_equal(negatives.draw("valid", batch.take(pa.array(order)), 5), there[order])
    np.testing.assert_array_equal(negatives.draw("valid", batch, 9)[:, :5], there)
    assert (negatives.draw("test", batch, 5) != there).mean() > 0.9


def test_who_has_seen_nearly_everything_gets_fewer():
    batch = read(3, seen=[f"i{n}" for n in range(39)])
    drawn = Negatives(ITEMS, np.ones(40), mask_seen=True).draw("valid", batch, 50)
    assert set(drawn.ravel()) == {39, NONE}
    assert (np.diff((drawn == NONE).astype(int), axis=1) >= 0).all()  # at the end
