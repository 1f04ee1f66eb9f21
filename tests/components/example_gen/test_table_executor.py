import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx.types import artifact_utils, standard_artifacts

from components.example_gen import inputs
from components.example_gen.table_check import MOST_WORDS
from components.example_gen.table_component import TableExampleGen
from components.example_gen.table_executor import Executor
from components.example_gen.table_options import ItemTableOptions, UserTableOptions
from schemas.artifacts import RejectedRows
from schemas.errors import DataError
from schemas.records import ReadCounts

COLUMNS = {"id": "sku", "title": "name", "published": "since", "categories": ["tags"], "numbers": ["price"]}


@pytest.fixture
def read(tmp_path):
    """Runs the stage: usable rows, rejected rows, counts."""

    def run(options):
        examples, rejected = standard_artifacts.Examples(), RejectedRows()
        for name, artifact in (("examples", examples), ("rejected", rejected)):
            artifact.uri = str(tmp_path / "out" / name)
            (tmp_path / "out" / name).mkdir(parents=True, exist_ok=True)
        component = TableExampleGen(options, inputs.fingerprint(inputs.find(options)), "1").with_id("Table")
        Executor().Do({}, {"examples": [examples], "rejected": [rejected]}, dict(component.exec_properties))
        table = pq.read_table(artifact_utils.get_split_uri([examples], "all"))
        aside = pq.read_table(f"{rejected.uri}/rows-00000.parquet")
        counts = ReadCounts.model_validate(json.loads((tmp_path / "out/rejected/counts.json").read_text()))
        assert counts.used == len(table)
        assert counts.rejected == len(aside)
        return table.to_pydict(), aside.to_pylist(), counts

    return run


def _items(path, **more):
    return ItemTableOptions(data=(str(path),), columns=COLUMNS, **more)


def test_each_column_is_a_list_and_an_empty_cell_an_empty_one(tmp_path, read):
    path = tmp_path / "items.csv"
    path.write_text("price,tags,name,sku,since\n1.5,a | b||a,A b,007,60\n,,,8,\n")
    table, aside, _ = read(_items(path))
    assert table == {
        "item_id": [["007"], ["8"]],
        "title": [["A b"], []],
        "published": [[60_000], []],
        "feature_tags": [["a", "b", "a"], []],
        "feature_price": [[1.5], []],
    }
    assert aside == []


def test_faults_are_set_aside_with_file_line_and_reason(tmp_path, read):
    path = tmp_path / "items.csv"
    path.write_bytes(
        b'sku,name,since,tags,price\n,A,,,\n1,A,,,cheap\n2,A,soon,,\n"3\n4",A,,,\n5,\xff,,,\n6,A,,\n7,A,1,x,1\n7,B,1,y,2\n'
    )
    table, aside, counts = read(_items(path))
    assert table["item_id"] == [["7"]]
    assert table["title"] == [["A"]]
    assert [(row["line"], row["reason"]) for row in aside] == [
        (2, "sku is missing"),
        (3, "price is not a number"),
        (4, "since is not a time in the years 1970 to 9999"),
        (5, "sku has a line break"),
        (7, "name isn't text in UTF-8"),
        (8, "4 columns where the header has 5"),
        (10, "sku has an earlier row"),
    ]
    assert {row["file"] for row in aside} == {str(path)}
    assert counts.read == 8


def test_an_id_of_an_earlier_file_is_set_aside_and_one_of_a_rejected_row_is_not(tmp_path, read):
    (tmp_path / "1.csv").write_text("sku,name,since,tags,price\n1,first,,,\n2,bad,,,x\n")
    (tmp_path / "2.csv").write_text("sku,name,since,tags,price\n1,again,,,\n2,good,,,3\n")
    table, aside, _ = read(_items(tmp_path / "*.csv"))
    assert table["title"] == [["first"], ["good"]]
    assert [(row["file"][-5:], row["line"]) for row in aside] == [("1.csv", 3), ("2.csv", 2)]


def test_words_are_lower_case_of_any_script_each_once_and_no_more_than_the_most(tmp_path, read):
    path = tmp_path / "items.csv"
    many = " ".join(f"w{n}" for n in range(40))
    path.write_text(f'item_id,text\n1,"Größe & größe: 東京, x-ray!"\n2,{many}\n3,\n')
    table, _, _ = read(ItemTableOptions(data=(str(path),), columns={"text": ["text"]}))
    assert table["feature_text"][0] == ["größe", "東京", "x", "ray"]
    assert len(table["feature_text"][1]) == MOST_WORDS
    assert table["feature_text"][2] == []


def test_parquet_brings_lists_times_and_numbers_of_their_own_types(tmp_path, read):
    path = tmp_path / "items.parquet"
    columns = {
        "sku": pa.array([1, 2]),
        "name": ["a", None],
        "since": pa.array([1_000, None], pa.timestamp("us")),
        "tags": pa.array([["a", None, "b"], None]),
        "price": pa.array([2.5, float("nan")]),
    }
    pq.write_table(pa.table(columns), path)
    table, aside, _ = read(_items(path))
    assert table["item_id"] == [["1"]]
    assert table["published"] == [[1]]
    assert table["feature_tags"] == [["a", "b"]]
    assert [row["reason"] for row in aside] == ["price is not a number"]


def test_decimal_commas_and_another_separator(tmp_path, read):
    path = tmp_path / "items.csv"
    path.write_text("sku;name;since;tags;price\n1;a;;x,y;1,25\n")
    table, _, _ = read(_items(path, delimiter=";", decimal=",", separator=","))
    assert table["feature_price"] == [[1.25]]
    assert table["feature_tags"] == [["x", "y"]]


def test_users_have_an_id_and_categories(tmp_path, read):
    path = tmp_path / "users.csv"
    path.write_text("user_id,group\nann,gold\nbob,\n")
    table, _, _ = read(UserTableOptions(data=(str(path),), columns={"categories": ["group"]}))
    assert table == {"user_id": [["ann"], ["bob"]], "feature_group": [["gold"], []]}


def test_a_missing_column_is_an_error_that_names_the_key(tmp_path, read):
    path = tmp_path / "users.csv"
    path.write_text("user_id,groupe\nann,gold\n")
    with pytest.raises(DataError, match="no column 'group'") as error:
        read(UserTableOptions(data=(str(path),), columns={"categories": ["group"]}))
    assert "under users.columns" in str(error.value)


def test_no_file_is_an_error_that_names_the_key():
    with pytest.raises(DataError, match="no file matches") as error:
        inputs.find(UserTableOptions(data=("nowhere/*.csv",)))
    assert error.value.where == "users.data"
