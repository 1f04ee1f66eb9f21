import json

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from components.evaluator import item_ratings, pairs
from ranker import registry
from schemas import records

COUNTS = pl.DataFrame({"item_id": [f"i{n}" for n in range(6)], "count": [30, 20, 10, 10, 5, 1]})
RARE = {"i5"}  # counted, but too rare for the model's vocabulary


def read(**extra):
    return records.from_examples(
        records.to_examples(
            pa.RecordBatch.from_pydict(
                {
                    "user_id": [["u"], ["v"], ["w"]],
                    "history": [["i0"], ["i0", "i1"], ["i1"]],
                    "label": [["i2"], ["i3"], ["new"]],
                    "label_timestamp": [[7], [8], [9]],
                    "history_length": [["1-4"]] * 3,
                    "label_popularity": [["head"], ["tail"], ["cold"]],
                    "label_repeats": [[0]] * 3,
                    **extra,
                }
            )
        )
    )


def score(*models):
    """Scores by the item's number, NaN of what the model doesn't know: one function a model."""
    return lambda items: [np.vectorize(model, otypes=[np.float32])(items) for model in models]


def knows(items):
    return np.array([item not in RARE for item in items])


def number(item):
    return 0.1 * int(item[1:]) if item.startswith("i") and item not in RARE else np.nan


@pytest.fixture
def pointwise(tmp_path):
    COUNTS.write_parquet(tmp_path / "counts.parquet")

    def make(count=4, **loss):
        options = registry.options("losses", {"name": "binary_cross_entropy", **loss})
        found = pairs.Pointwise(str(tmp_path / "counts.parquet"), options.model_dump_json(), count, mask_seen=True)
        found.setup(knows)
        return found

    return make


def frame(table):
    assert table.schema == records.PAIRS
    return pl.DataFrame(pl.from_arrow(table))


def test_label_stands_beside_drawn_items_that_weigh_the_ratio_together(pointwise):
    rows = frame(pointwise(ratio=3.0).table("valid", read(), score(number)))
    assert rows["user_id"].unique().sort().to_list() == ["u", "v"]  # training never saw w's label
    for _, part in rows.group_by("user_id"):
        assert len(part) == 5
        assert part.filter(target=1.0).select("item", "weight").rows() == [(part["label"][0], 1.0)]
        assert part.filter(target=0.0)["weight"].sum() == pytest.approx(3.0)
    assert not set(rows.filter(target=0.0)["item"]) & RARE
    assert not set(rows.filter(user_id="u", target=0.0)["item"]) & {"i0", "i2"}
    np.testing.assert_allclose(rows["candidate"], [number(item) for item in rows["item"]], rtol=1e-6)
    assert rows["baseline"].null_count() == len(rows)
    assert rows.filter(user_id="v")["label_popularity"].unique().to_list() == ["tail"]


def test_popularity_is_a_probability_against_the_draws(pointwise):
    """Of 75 interactions with known items i2 has 10; even draws are a fifth each, draws by count cancel out."""
    even = frame(pointwise(ratio=2.0).table("valid", read(), score(number)))
    assert even.filter(item="i2", target=1.0)["by_item"].item() == pytest.approx((10 / 75) / (10 / 75 + 2 / 5))
    assert even["constant"].unique().to_list() == [pytest.approx(1 / 3)]
    popular = {"name": "popularity", "power": 1.0, "count": 3}
    by_count = frame(pointwise(negatives=popular).table("valid", read(), score(number)))
    np.testing.assert_allclose(by_count["by_item"], 0.5)


def test_item_that_the_latest_model_does_not_know_has_its_popularity(pointwise):
    older = score(number, lambda item: np.nan if item == "i2" else 0.9)
    rows = frame(pointwise().table("valid", read(), older))
    assert rows.filter(item="i2")["baseline"].to_list() == rows.filter(item="i2")["by_item"].to_list()
    np.testing.assert_allclose(rows.filter(pl.col("item") != "i2")["baseline"], 0.9, rtol=1e-6)


def test_label_for_which_nothing_can_be_drawn_is_left_out(pointwise):
    everything = [["i0", "i1", "i3", "i4"], ["i0"], ["i0"]]
    rows = frame(pointwise().table("valid", read(history=everything), score(number)))
    assert rows["user_id"].unique().to_list() == ["v"]


def test_ratings_stand_beside_those_of_the_item_and_of_all(tmp_path):
    path = str(tmp_path / "ratings.parquet")
    sums = {"item_id": ["i2", "i3"], "sum": [9.0, 3.0], "weight": [2.0, 1.0]}
    item_ratings.write(item_ratings.add_up([pl.DataFrame(sums)]), path)
    found = pairs.Rating(path, 0.0)
    found.setup(knows)
    given = pa.array([[5.0], [], [2.0]], pa.list_(pa.float32()))
    older = score(lambda item: 3.5, lambda item: np.nan)
    rows = frame(found.table("test", read(label_rating=given), older))
    assert rows.select(
        "user_id", "item", "target", "weight", "candidate", "by_item", "constant", "baseline"
    ).rows() == [
        ("u", "i2", 5.0, 1.0, 3.5, 4.5, 4.0, 4.5),
        ("w", "new", 2.0, 1.0, 3.5, 4.0, 4.0, 4.0),  # an item of no rating has the mean of all
    ]


def test_rating_of_an_item_that_the_model_does_not_know_is_no_pair(tmp_path):
    path = str(tmp_path / "ratings.parquet")
    item_ratings.write(item_ratings.add_up([pl.DataFrame({"item_id": ["i2"], "sum": [4.0], "weight": [1.0]})]), path)
    found = pairs.Rating(path, 10.0)
    found.setup(knows)
    given = pa.array([[5.0], [1.0], [2.0]], pa.list_(pa.float32()))
    assert frame(found.table("test", read(label_rating=given), score(number)))["item"].to_list() == ["i2", "i3"]


def test_the_loss_travels_as_json():
    options = registry.options("losses", {"name": "binary_cross_entropy", "ratio": 2.0, "negatives": "popularity"})
    assert registry.options("losses", json.loads(options.model_dump_json())) == options
