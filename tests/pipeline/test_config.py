"""What is wrong with a configuration is said with file, line and near matches; what is right resolves."""

import pathlib

import pytest
from pydantic import BaseModel

from pipeline.config import Config, load, load_with_sources
from pipeline.describe import to_yaml
from schemas.errors import ConfigError

DEFAULT = pathlib.Path(__file__).resolve().parents[2] / "configs" / "movielens-100k.yaml"
DATA = "example_gen:\n  data: [x.csv]\n"
TABLES = ["items={data: [i.csv]}", "users={data: [u.csv]}"]


@pytest.fixture
def write(tmp_path):
    def _write(text):
        path = tmp_path / "shop.yaml"
        path.write_text(DATA + text)
        return path

    return _write


def _problems(path, overrides=()):
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    assert caught.value.exit_status == 2
    return caught.value.why


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trainer:\n  epohcs: 3\n", "shop.yaml:4: trainer.epohcs: unknown key; did you mean trainer.epochs?"),
        ("epochs: 3\n", "shop.yaml:3: epochs: unknown key; did you mean tuner.epochs or trainer.epochs?"),
        ("run: {beam: {runer: X}}\n", "shop.yaml:3: run.beam.runer: unknown key; did you mean run.beam.runner?"),
        ("trainer:\n  patience: -1\n", "shop.yaml:4: trainer.patience: input should be greater than 0, not -1"),
        ("trainer:\n  model: {architecture: {unit: 3}}\n", "did you mean trainer.model.architecture.units?"),
        ("trainer:\n  model:\n    loss: cross_entrpy\n", "shop.yaml:5: trainer.model.loss: there is no 'cross_entrpy'"),
        ("sequence_gen: {window: 10, overlap: 10}\n", "overlap (10) must be smaller than the window (10)"),
        ("sequence_gen: {split: {name: last}}\n", "shop.yaml:3: sequence_gen.split"),
        ("run: {}\nrun: {}\n", "shop.yaml:4: run stands twice, first at "),
        ("evaluator: {metric: ndcg@7}\n", "metric is 'ndcg@7', which isn't measured"),
        (
            "tuner:\n  space:\n    model.dropot: {choices: [0]}\n",
            "shop.yaml:5: tuner.space.model.dropot: the Trainer has no",
        ),
        ("trainer:\n  model: {head: rating}\n", "shop.yaml:4: trainer.model.head: the head rating needs ratings: name"),
        (
            "trainer:\n  model: {head: rating, loss: cross_entropy}\n",
            "shop.yaml:4: trainer.model: loss cross_entropy trains no rating head; choose one of mean_squared_error",
        ),
        (
            "trainer:\n  model: {head: points}\n",
            "shop.yaml:4: trainer.model.head: there is no 'points' among the heads",
        ),
        ("trainer: {model: {head: {name: rating, shrink: 1}}}\n", "trainer.model.head.shrink: unknown key"),
        (
            "evaluator:\n  metric: auc\n",
            "shop.yaml:4: evaluator.metric: metric auc isn't measured with the head next_item",
        ),
        (
            "trainer: {model: {head: pointwise}}\nevaluator:\n  metric: rmse\n",
            "shop.yaml:5: evaluator.metric: metric rmse isn't measured with the head pointwise; choose one of log_loss",
        ),
        ("evaluator:\n  cutoffs: [5]\n", "shop.yaml:3: evaluator: metric ndcg@10 isn't measured"),
        (
            "trainer: {model: {head: pointwise}}\ntuner:\n  space:\n    model.loss.ratio: {min: 1, max: 4}\n",
            "shop.yaml:6: tuner.space.model.loss.ratio: would judge trials by other pairs",
        ),
        (
            "transform: {gap_boundaries: [1]}\ntrainer:\n  model: {bursts: [1, 2]}\n",
            "shop.yaml:5: trainer.model.bursts: transform.gap_boundaries has 1 of them",
        ),
        ("tuner: {space: {units: {min: 3}}}\n", "shop.yaml:3: tuner.space.units.max: must be given"),
    ],
)
def test_a_fault_is_named_with_its_line_and_a_way_out(write, text, expected):
    assert expected in _problems(write(text))


def test_all_faults_are_told_at_once(write):
    why = _problems(write("trainer: {epohcs: 3}\nepochs: 3\n"), ["data_gate.max_rejected=2", "nonsense"])
    assert len(why.splitlines()) == 4
    assert "--set data_gate.max_rejected: data_gate.max_rejected: " in why
    assert "--set nonsense: write it as key.sub=value" in why


def test_many_faults_are_counted_not_printed(write):
    why = _problems(write("run:\n" + "".join(f"  key{n}: 1\n" for n in range(30))))
    assert len(why.splitlines()) == 11
    assert why.splitlines()[-1] == "… and 20 more"


def test_missing_data_is_asked_for(tmp_path):
    (tmp_path / "empty.yaml").write_text("")
    assert "example_gen" in _problems(tmp_path / "empty.yaml")


def test_a_file_that_is_no_yaml_is_named_with_its_line(tmp_path):
    (tmp_path / "bad.yaml").write_text("run:\n  name: [\n")
    with pytest.raises(ConfigError, match=r"not YAML") as caught:
        load(tmp_path / "bad.yaml")
    assert "bad.yaml:" in caught.value.where


def test_a_date_that_no_calendar_has_is_an_error_of_the_file(tmp_path):
    (tmp_path / "bad.yaml").write_text("sequence_gen: {split: {name: global_time, valid_from: 2020-13-01}}\n")
    with pytest.raises(ConfigError, match=r"month must be in 1\.\.12"):
        load(tmp_path / "bad.yaml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.yaml")
    assert caught.value.where.endswith("none.yaml")


def test_the_default_configuration_resolves_and_differs_only_where_it_says():
    loaded = load_with_sources(DEFAULT)
    on = {"model_check": {}}  # a stage that is off where nothing is said, with its defaults
    plain = dict(_leaves(Config.model_validate({"example_gen": {"data": ["a"]}, **on})))
    ours = dict(_leaves(loaded.config))
    differing = {path for path in ours if ours[path] != plain.get(path)}
    said = {path for path in loaded.where if path in ours}
    assert differing == said
    assert loaded.where["example_gen", "data"].startswith(f"{DEFAULT}:")


def _leaves(model, prefix=()):
    """Each knob's path with its value."""
    for name, value in model:
        if isinstance(value, BaseModel):
            yield from _leaves(value, (*prefix, name))
        else:
            yield (*prefix, name), value


def test_a_later_override_wins_over_an_earlier_and_over_the_file(write):
    loaded = load_with_sources(write("trainer: {epochs: 5}\n"), ["trainer.epochs=6", "trainer.epochs=7"])
    assert loaded.config.trainer.epochs == 7
    assert loaded.where["trainer", "epochs"] == "--set trainer.epochs"


def test_a_knob_of_a_named_part_needs_no_name_for_the_default_part(write):
    assert load(write(""), ["trainer.model.architecture.units=32"]).trainer.model.architecture.units == 32


def test_an_empty_section_means_its_defaults(write):
    assert load(write("trainer:\n")) == load(write(""))


@pytest.mark.parametrize("describe", [True, False])
def test_what_is_printed_reads_back_as_the_same_configuration(write, tmp_path, describe):
    loaded = load_with_sources(write("sequence_gen: {split: {name: leave_last_out}}\n"), ["trainer.epochs=3"])
    (tmp_path / "printed.yaml").write_text(to_yaml(loaded.config, loaded.where, describe=describe))
    assert load(tmp_path / "printed.yaml") == loaded.config


def test_the_description_says_what_a_key_means_and_where_its_value_comes_from(write):
    loaded = load_with_sources(write(""), ["trainer.epochs=3"])
    printed = to_yaml(loaded.config, loaded.where, describe=True)
    assert "epochs: 3  # --set trainer.epochs" in printed
    assert "# the pipeline's and the published model's name\n  name: movielens  # default" in printed


def test_the_description_says_what_a_section_could_hold_that_is_not_there(write):
    printed = to_yaml(load(write("")), {}, describe=True)
    assert "items: null  # default\n#   data: files or globs" in printed
    assert "#     published: when it appeared" in printed


def test_a_table_without_an_entry_is_none(write):
    assert load(write("items:\nusers: null\n")) == load(write(""))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("items: {columns: {title: t}}\n", "shop.yaml:3: items.data: must be given"),
        ("items:\n  data: [i.csv]\n  columns: {titel: t}\n", "shop.yaml:5: items.columns.titel: unknown key; did you "),
        ("users: {data: [u.csv], columns: {numbers: [age]}}\n", "users.columns.numbers: unknown key"),
        ("items: {data: [i.csv], columns: {categories: [a], numbers: [a]}}\n", "column 'a' is named twice"),
    ],
)
def test_a_fault_in_a_table_is_named(write, text, expected):
    assert expected in _problems(write(text))


def _knobs(model, path=()):
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        yield (*path, name), field
        if isinstance(value, BaseModel):
            yield from _knobs(value, (*path, name))


def test_every_knob_is_documented():
    undocumented = [
        ".".join(path) for path, field in _knobs(load(DEFAULT, TABLES)) if not field.description and path[-1] != "name"
    ]
    assert undocumented == []


def test_search_may_ask_how_many_negatives_a_model_of_probabilities_is_trained_on(write):
    space = "tuner:\n  space:\n    model.loss.negatives.count: {choices: [128, 512]}\n"
    assert load(write(f"trainer: {{model: {{head: pointwise}}}}\n{space}")).tuner is not None


@pytest.mark.parametrize(("head", "metric"), [("pointwise", "log_loss"), ("next_item", "ndcg@10")])
def test_metric_that_decides_follows_the_head(write, head, metric):
    config = load(write(f"trainer: {{model: {{head: {head}}}}}\n"))
    assert config.evaluator.metric_of(config.trainer.model.head.name) == metric
