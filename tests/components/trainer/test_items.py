"""The items table goes into the model and beside it; contexts with odd names find their way."""

import polars as pl
import pyarrow as pa
import pytest

from components.trainer.options import Options
from ranker import saved
from schemas.models import EXPORTED_ITEMS

TABLE = pa.table(
    {
        "item_id": pa.array([["new"], ["i0"], ["i1"], ["i1"]], pa.list_(pa.string())),
        "title": pa.array([["New"], [], ["One"], ["Again"]], pa.list_(pa.string())),
        "published": pa.array([[8_000], [1], [], []], pa.list_(pa.int64())),
        "feature_Größe / cm": pa.array([[2.0], [1.0], [], []], pa.list_(pa.float32())),
        "feature_kind of": pa.array([["x", "y"], ["x"], [], ["z"]], pa.list_(pa.string())),
    }
)


@pytest.fixture(scope="module")
def trained(execute, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage")
    model = {"embedding_dim": 4, "gap_embedding": True, "architecture": {"name": "lstm", "units": 4}}
    options = Options(batch_size=4, recommendations=7, model=model)
    execute(folder, options, context="Gerät / Art", items=TABLE)
    return folder / "model" / "Format-Serving"


def test_model_answers_with_cold_items_once_they_are_published_and_carries_the_table(trained):
    model = saved.load(trained)
    known = {f"i{n}" for n in range(6)}
    assert set(model.recommend([["i0", "i1"]], [[1, 9_000]]).item_ids[0].tolist()) == {*known, "new"}
    assert set(model.recommend([["i0", "i1"]], [[1, 2]]).item_ids[0].tolist()) == {*known, ""}  # new: from 8000 on
    assert pl.read_parquet(trained / EXPORTED_ITEMS)["item_id"].to_list() == ["new", "i0", "i1"]


def test_a_table_of_titles_alone_changes_no_model_and_is_carried_along(execute, tmp_path):
    titles = TABLE.select(["item_id", "title"])
    execute(tmp_path, Options(batch_size=4, model={"embedding_dim": 4}), items=titles)
    folder = tmp_path / "model" / "Format-Serving"
    assert "new" not in saved.load(folder).recommend([["i0", "i1"]]).item_ids
    assert saved.items(folder)["title"].to_list() == ["New", None, "One"]
