"""A table's id is found by what it shares with the log, its other columns by what they hold."""

import numpy as np
import polars as pl
import pytest
import yaml

from components.example_gen.table_options import ItemTableOptions, UserTableOptions
from pipeline.guess import document, tables
from pipeline.guess.survey import hashes
from schemas.errors import DataError

N = 600
RNG = np.random.default_rng(0)
IDS = pl.Series([f"{n:05d}" for n in range(N)])
WORDS = np.array(["red", "lamp", "old", "chair", "blue", "pot"])


@pytest.fixture
def look(tmp_path):
    def _look(frame, kind="items", ids=IDS, **kwargs):
        path = tmp_path / "table.csv"
        frame.write_csv(path, **kwargs)
        return tables.look(kind, str(path), hashes(ids), hashes)

    return _look


def given(table):
    return {guess.column: guess.role for guess in table.guesses}


def shop():
    category = np.array(["home|lamps", "home|pots", "garden"])[RNG.integers(0, 3, N)]
    return pl.DataFrame(
        {
            "number": range(N),  # of the row
            "sku": IDS,
            "name": [" ".join(WORDS[RNG.integers(0, 6, 3)]) + f" {n}" for n in range(N)],
            "category": category,
            "brand_id": RNG.integers(0, 9, N),
            "price": pl.Series(RNG.random(N).round(2)),
            "released": pl.Series(1_600_000_000 + RNG.integers(0, 10**7, N)),
            "blurb": [" ".join(WORDS[RNG.integers(0, 6, 12)]) + f", no {n}" for n in range(N)],
            "image": [f"http://x/{n}.png" for n in range(N)],
            "shop": ["one"] * N,
        }
    )


def test_columns_of_an_items_table_are_told_apart(look):
    table = look(shop())
    assert given(table) == {
        "number": "numbers",
        "sku": "id",
        "name": "title",
        "category": "categories",
        "brand_id": "categories",
        "price": "numbers",
        "released": "published",
        "blurb": "text",
        "image": "none",
        "shop": "none",
    }
    assert table.known == 1.0


@pytest.mark.parametrize(("separator", "delimiter"), [("|", ","), (",", ";"), (";", ","), ("/", "\t")])
def test_the_knobs_are_options_of_the_reader(look, separator, delimiter):
    frame = shop().with_columns(pl.col("category").str.replace_all("|", separator, literal=True))
    table = look(frame, separator=delimiter)
    section = yaml.safe_load(document.write([], table.knobs))["items"]
    options = ItemTableOptions.model_validate(section)
    assert (options.separator, options.delimiter, options.time_format) == (separator, delimiter, "seconds")
    assert options.columns.text == ("name", "blurb")


def test_users_have_categories_alone(look):
    frame = pl.DataFrame({"who": IDS, "country": ["de", "fr"] * (N // 2), "age": RNG.integers(10, 90, N)})
    table = look(frame, "users")
    assert given(table) == {"who": "id", "country": "categories", "age": "none"}
    UserTableOptions.model_validate(document.values(table.knobs)["users"])


def test_a_table_of_other_ids_is_refused(look):
    with pytest.raises(DataError, match="no column has the items"):
        look(shop().drop("number"), ids=pl.Series([f"x{n}" for n in range(50)]))


def test_leading_zeros_that_got_lost_are_refused(look):
    with pytest.raises(DataError, match="as the log has them"):
        look(pl.DataFrame({"sku": range(10_000, 10_000 + N), "name": WORDS[RNG.integers(0, 6, N)]}))


def test_a_table_that_lacks_much_of_the_log_says_so(look):
    table = look(shop().head(N // 2))
    assert "50% of the log's items" in table.unsure[0]


def test_titles_with_commas_part_nothing(look):
    frame = shop().with_columns(
        name=pl.format("Godfather, The ({})", "number"), category=pl.lit("a") + (pl.col("number") % 3).cast(pl.String)
    )
    assert document.values(look(frame).knobs)["items"].get("separator", "|") == "|"


def test_of_two_columns_that_have_the_ids_the_name_decides(look):
    ids = pl.Series(range(1, N)).cast(pl.String)
    assert given(look(pl.DataFrame({"row": range(N), "item_id": range(N)}), ids=ids)) == {
        "row": "numbers",
        "item_id": "id",
    }
