import polars as pl
import pytest
from tfx.types import standard_artifacts

from components.evaluator.options import Options
from components.evaluator.task import Task
from ranker.options import ModelOptions
from schemas import artifacts, contents


@pytest.fixture
def task(tmp_path):
    """Of a head's candidate beside what is served."""
    (tmp_path / "saved_model.pb").touch()
    pl.DataFrame({"item_id": ["a"], "count": [1]}).write_parquet(tmp_path / contents.ITEM_COUNTS_FILE)

    def make(head, served):
        model, counts, baseline = standard_artifacts.Model(), artifacts.ItemCounts(), standard_artifacts.Model()
        model.uri = counts.uri = baseline.uri = str(tmp_path)
        counts.mask_seen = 1
        if served:
            baseline.set_string_custom_property("head", served)
        inputs = {"model": [model], "item_counts": [counts], "baseline_model": [baseline]}
        options = ModelOptions(head=head)
        of_pairs = (
            [part.model_dump_json() for part in (options.head, options.loss)] if head != "next_item" else ["", ""]
        )
        return Task(inputs, str(tmp_path / "evaluation"), Options(), *of_pairs)

    return make


@pytest.mark.parametrize(
    ("head", "served", "models"),
    [
        ("next_item", "", []),
        ("next_item", "rating", []),
        ("pointwise", "pointwise", ["candidate", "popularity", "constant", "baseline"]),
        ("pointwise", "", ["candidate", "popularity", "constant"]),  # from before there were heads
        ("rating", "pointwise", ["candidate", "item_mean", "mean"]),
    ],
)
def test_pairs_are_compared_with_what_is_served_where_scores_mean_the_same(task, head, served, models):
    made = task(head, served)
    assert list(made.pair_models) == models
    assert made.ranked == ["candidate", "popularity", "baseline"]  # by ranks all are
    assert set(made.locations()) == {*made.ranked, *models}
