"""Every configuration of this folder loads, says only what differs, and names what its made data have."""

import fnmatch
import pathlib

import pytest
import yaml

from pipeline.config import Config, load
from pipeline.datasets import worlds

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_configuration_loads_and_repeats_no_default(path):
    config = load(path).model_dump(mode="json")
    data = {"example_gen": {"data": ["x.csv"]}}
    default = Config.model_validate(data).model_dump(mode="json")
    tables = {"items", "users"}
    said = {".".join(keys): value for keys, value in _leaves(yaml.safe_load(path.read_text())) if keys[0] not in tables}
    reasoned = {"sequence_gen.mask_seen"}  # named where it is the question that a field has to answer
    same = [keys for keys in said if _at(config, keys) == _at(default, keys) and keys not in reasoned]
    assert [keys for keys in same if not keys.startswith("example_gen.columns")] == []


@pytest.mark.parametrize("name", worlds.names())
def test_configuration_of_a_field_names_the_files_and_columns_of_its_made_data(name):
    config = load(CONFIGS / f"{name}.yaml")
    made = worlds.make(name, worlds.Size(rows=3_000, users=40, items=200), 0)
    logs = [file for file in made.files if fnmatch.fnmatch(f"data/{name}/{file}", config.example_gen.data[0])]
    tables = {kind: table for kind, table in (("items", config.items), ("users", config.users)) if table is not None}
    assert set(made.files) == {*logs, *(f"{kind}.csv" for kind in tables)}
    assert config.example_gen.delimiter == made.delimiter
    assert all(set(config.example_gen.columns.used()) <= set(made.files[log].columns) for log in logs)
    for kind, table in tables.items():
        columns = table.columns
        numbers_and_text = [*getattr(columns, "numbers", ()), *getattr(columns, "text", ())]
        assert {columns.id, *columns.categories, *numbers_and_text} <= set(made.files[f"{kind}.csv"].columns)
        assert table.data == (f"data/{name}/{kind}.csv",)


def _leaves(tree, keys=()):
    if not isinstance(tree, dict):
        yield keys, tree
        return
    for key, value in tree.items():
        yield from _leaves(value, (*keys, key))


def _at(tree, keys):
    for key in keys.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
