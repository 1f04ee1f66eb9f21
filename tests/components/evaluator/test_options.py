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
