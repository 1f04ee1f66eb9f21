"""The largest difference of a share."""

import polars as pl
import pytest

from inspection.report import drift


def counts(**found):
    return pl.DataFrame(
        {"item_id": list(found), "count": list(found.values())}, {"item_id": pl.String, "count": pl.Int64}
    )


def test_the_item_whose_share_changed_most_is_named():
    found = drift.between(counts(a=6, b=3, gone=1), counts(a=2, b=2, c=4))
    assert (found.item, found.new, found.gone) == ("c", 1, 1)
    assert found.distance == pytest.approx(0.5)  # c: from 0 to 4 / 8
    assert (found.before, found.after) == (0.0, 0.5)
    assert (found.popular, found.common) == (3, 2)


def test_equal_counts_are_no_drift():
    found = drift.between(counts(a=6, b=3), counts(a=12, b=6))
    assert (found.distance, found.new, found.gone) == (0.0, 0, 0)


def test_nothing_is_not_compared():
    assert drift.between(counts(), counts(a=1)) is None
