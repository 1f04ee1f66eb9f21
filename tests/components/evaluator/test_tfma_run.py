import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from components.evaluator import per_user, tfma_metrics, tfma_run
from ranker import metrics
from schemas import records


def table(**columns):
    n = len(columns["rank"])
    base = {name: [None] * n for name in records.PER_USER.names}
    base.update(split=["valid"] * n, history_length=["1-4"] * n, label_popularity=["head"] * n)
    return pa.Table.from_pydict({**base, **columns}, schema=records.PER_USER)


@pytest.fixture
def extracts(tmp_path):
    pl.DataFrame({"item_id": ["p", "q", "r"], "count": [9, 5, 1]}).write_parquet(tmp_path / "counts.parquet")
    found = tfma_run.Extracts([per_user.CANDIDATE], (1, 2), str(tmp_path / "counts.parquet"))
    found.setup()
    return found


def test_rows_that_share_their_slices_become_one_extract(extracts):
    rows = table(rank=[1, 2, 3], top_items=[["p"], [], ["q"]], history_length=["1-4", "5-19", "1-4"])
    found = {str(one["features"]["history_length"][0]): one for one in extracts.process(rows)}
    assert {name: one[tfma_metrics.RANKS]["candidate"].tolist() for name, one in found.items()} == {
        "1-4": [1, 3],
        "5-19": [2],
    }


def test_items_become_lines_of_the_item_counts_and_an_unknown_one_is_cold(extracts):
    (one,) = extracts.process(table(rank=[1, 1, 1], top_items=[["r", "p"], [], ["new", "q"]]))
    codes = one[tfma_metrics.ITEMS]
    assert codes[:, :2].tolist() == [[2, 0], [metrics.NO_ITEM, metrics.NO_ITEM], [metrics.COLD_ITEM, 1]]
    np.testing.assert_array_equal(one[tfma_metrics.MEAN_COUNTS][2], [5.0, np.nan, 2.5])  # cold: a count of 0


def test_every_rank_metric_of_the_options_has_gains():
    assert list(tfma_metrics.rank_gains(np.array([1]), (1, 5))) == [
        "hr@1",
        "ndcg@1",
        "mrr@1",
        "hr@5",
        "ndcg@5",
        "mrr@5",
    ]


def test_default_metrics_of_tfma_are_off_and_splits_kept_apart():
    config = tfma_run.eval_config(["candidate", "popularity"], (10,), 3, slices=True)
    assert config.options.include_default_metrics.value is False
    assert all(per_user.SPLIT in spec.feature_keys for spec in config.slicing_specs)
