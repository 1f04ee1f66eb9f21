import pydantic
import pytest

from components.evaluator.options import Options


def test_options_survive_their_json():
    options = Options(cutoffs=(5, 10), metric="hr@5")
    assert Options.model_validate_json(options.model_dump_json()) == options


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": "ndcg@7"},
        {"metric": "logloss"},
        {"min_gain": -1},
        {"pairs": 0},
        {"cutoffs": (21,)},
        {"cutoffs": ()},
        {"confidence": 1.0},
        {"min_lift": -1},
        {"unknown": 1},
    ],
)
def test_impossible_option_is_refused(wrong):
    with pytest.raises(pydantic.ValidationError):
        Options(**wrong)


@pytest.mark.parametrize(
    ("head", "metric", "chosen"),
    [
        ("next_item", None, "ndcg@10"),
        ("next_item", "hr@5", "hr@5"),
        ("pointwise", None, "log_loss"),
        ("pointwise", "auc", "auc"),
        ("rating", None, "rmse"),
        ("rating", "mrr@20", "mrr@20"),
    ],
)
def test_metric_that_decides_is_the_heads_unless_another_is_named(head, metric, chosen):
    assert Options(metric=metric).metric_of(head) == chosen


@pytest.mark.parametrize(("head", "metric"), [("next_item", "auc"), ("pointwise", "rmse"), ("rating", "log_loss")])
def test_metric_of_another_head_is_refused(head, metric):
    with pytest.raises(ValueError, match=f"{metric} isn't measured with the head {head}"):
        Options(metric=metric).metric_of(head)


def test_default_metric_that_is_not_measured_is_refused():
    with pytest.raises(ValueError, match="ndcg@10 isn't measured"):
        Options(cutoffs=(5,)).metric_of("next_item")
