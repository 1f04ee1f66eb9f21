"""The curve of another order, on a slate whose answer is known."""

import pytest

from benchmarks.diversity import Attributes, curve, plot, shown

# The model's first five are of one kind, and the label is the second; the rest are of others.
KINDS = {"a1": "a", "a2": "a", "a3": "a", "a4": "a", "a5": "a", "b1": "b", "c1": "c", "d1": "d"}
ATTRIBUTES = Attributes({item: [kind] for item, kind in KINDS.items()})
COUNTS = dict.fromkeys(KINDS, 10)
ANSWERS = [(list(KINDS), [8.0, 7.9, 7.8, 7.7, 7.6, 7.5, 7.4, 7.3], ["b1", "a1"], "a2")] * 3


def at(found, method, strength):
    (record,) = (each for each in found if (each["method"], each["strength"]) == (method, strength))
    return record


def test_strength_0_is_the_models_own_order_and_more_of_it_trades_the_label_for_distance(tmp_path):
    found = curve(ANSWERS, ATTRIBUTES, COUNTS, 4, (0.0, 0.5, 1.0))
    assert {record["method"] for record in found} == {"mmr", "dpp", "calibrated"}
    for method in ("mmr", "dpp", "calibrated"):
        plain = at(found, method, 0.0)
        assert plain["ndcg"] == pytest.approx(1 / 1.5849625)  # 1 / log2(3): the label is second
        assert plain["ild"] == pytest.approx(0.0)
    for method in ("mmr", "dpp"):
        assert at(found, method, 1.0)["ild"] == pytest.approx(1.0)  # one of each kind
        assert at(found, method, 1.0)["ndcg"] == 0.0
    assert at(found, "calibrated", 1.0)["divergence"] < at(found, "calibrated", 0.0)["divergence"]
    assert shown(found, 4).row_count == len(found)
    plot(found, tmp_path / "curve.png", 4)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
