"""The DAG's edges, by hand on purpose: a stage that reads something else shows here."""

import json
import pathlib

import pytest

from pipeline.config import load
from pipeline.pipeline import create_pipeline
from schemas.runs import OutputRoot

DEFAULT = pathlib.Path(__file__).resolve().parents[2] / "configs" / "movielens-100k.yaml"
OF_TFX = {"StatisticsGen", "ExampleValidator", "LatestBlessedModel"}

# stage -> input -> (stage, output) it reads
EDGES = {
    "InteractionExampleGen": {},
    "InteractionSchema": {},
    "StatisticsGen": {
        "examples": ("InteractionExampleGen", "examples"),
        "schema": ("InteractionSchema", "schema"),
    },
    "ExampleValidator": {
        "statistics": ("StatisticsGen", "statistics"),
        "schema": ("InteractionSchema", "schema"),
    },
    "DataGate": {
        "examples": ("InteractionExampleGen", "examples"),
        "anomalies": ("ExampleValidator", "anomalies"),
        "rejected": ("InteractionExampleGen", "rejected"),
    },
    "SequenceGen": {"examples": ("InteractionExampleGen", "examples")},
    "SequenceSchema": {},
    "Transform": {"examples": ("SequenceGen", "sequences"), "schema": ("SequenceSchema", "schema")},
    "Trainer": {
        "examples": ("Transform", "transformed_examples"),
        "transform_graph": ("Transform", "transform_graph"),
        "item_counts": ("SequenceGen", "item_counts"),
    },
    "LatestBlessedModel": {"model": ("Trainer", "model")},
    "Evaluator": {
        "examples": ("SequenceGen", "sequences"),
        "model": ("Trainer", "model"),
        "baseline_model": ("LatestBlessedModel", "model"),
        "item_counts": ("SequenceGen", "item_counts"),
        "sequence_report": ("SequenceGen", "report"),
    },
    "Pusher": {
        "model": ("Trainer", "model"),
        "blessing": ("Evaluator", "blessing"),
        "evaluation": ("Evaluator", "evaluation"),
        "rejected": ("InteractionExampleGen", "rejected"),
    },
}


# What items and users tables add; {} stands for Item or User.
OF_A_TABLE = {
    "{}ExampleGen": {},
    "{}Schema": {},
    "{}StatisticsGen": {"examples": ("{}ExampleGen", "examples"), "schema": ("{}Schema", "schema")},
    "{}ExampleValidator": {"statistics": ("{}StatisticsGen", "statistics"), "schema": ("{}Schema", "schema")},
    "{}Gate": {
        "table": ("{}ExampleGen", "examples"),
        "anomalies": ("{}ExampleValidator", "anomalies"),
        "rejected": ("{}ExampleGen", "rejected"),
        "examples": ("InteractionExampleGen", "examples"),
    },
}
TABLES = [
    "items={data: [i.csv], columns: {title: t, categories: [genre], numbers: [price], text: [t]}}",
    "users={data: [u.csv], columns: {categories: [group]}}",
]


def _chain(*overrides):
    fingerprints = {"example_gen": "log", "items": "i", "users": "u"}
    root = OutputRoot(pathlib.Path("/nowhere"))
    told = ["model_check=null", *overrides]  # the file has it on
    return create_pipeline(load(DEFAULT, told), root, fingerprints=fingerprints, metadata=None)


@pytest.fixture(scope="module")
def stages():
    return {stage.id: stage for stage in _chain().components}


@pytest.fixture(scope="module")
def with_tables():
    return {stage.id: stage for stage in _chain(*TABLES).components}


def _edges(stage):
    edges = {}
    for key, channel in stage.inputs.items():
        (producer,) = channel.get_data_dependent_node_ids()  # what a resolver reads has no producer_component_id
        edges[key] = (producer, channel.output_key)
    return edges


def test_each_stage_reads_what_the_table_says(stages):
    assert {name: _edges(stage) for name, stage in stages.items()} == EDGES


def test_tables_are_read_and_checked_and_reach_what_uses_them(with_tables):
    expected = {name: dict(edges) for name, edges in EDGES.items()}
    for name in ("Item", "User"):
        for stage, edges in OF_A_TABLE.items():
            filled = {key: (producer.format(name), output) for key, (producer, output) in edges.items()}
            expected[stage.format(name)] = filled
    expected["SequenceGen"]["users"] = ("UserExampleGen", "examples")
    expected["Trainer"]["items"] = ("ItemExampleGen", "examples")
    assert {name: _edges(stage) for name, stage in with_tables.items()} == expected


TUNER = "tuner={space: {model.user_embedding: {choices: [true, false]}, batch_size: {min: 16, max: 32}}}"


def test_a_search_trains_on_what_the_trainer_does_and_hands_it_the_best():
    stages = {stage.id: stage for stage in _chain(TUNER, *TABLES).components}
    trainer, tuner = _edges(stages["Trainer"]), _edges(stages["Tuner"])
    assert trainer.pop("hyperparameters") == ("Tuner", "best_hyperparameters")
    assert tuner == trainer
    assert list(stages).index("Tuner") < list(stages).index("Trainer")
    assert "refit" not in json.loads(stages["Tuner"].exec_properties["job"])
    assert json.loads(stages["Transform"].exec_properties["custom_config"])["users"] is True  # some trials want them


@pytest.mark.parametrize(
    ("told", "keys"),
    [
        (["trainer.model.long_term_rank=0"], False),
        (["trainer.model.long_term_rank=8"], True),
        (["trainer.model.long_term_rank=0", "tuner={space: {model.long_term_rank: {choices: [0, 16]}}}"], True),
    ],
)
def test_rows_say_whose_they_are_where_the_long_term_is_looked_at(told, keys):
    (transform,) = (stage for stage in _chain(*told).components if stage.id == "Transform")
    assert json.loads(transform.exec_properties["custom_config"])["keys"] is keys


def test_a_warm_start_takes_its_model_from_the_target_of_this_very_data():
    stages = {stage.id: stage for stage in _chain("trainer.warm_start=true").components}
    assert _edges(stages["Trainer"])["start_model"] == ("StartModel", "model")
    assert stages["StartModel"].inputs["rejected"].get_data_dependent_node_ids() == {"InteractionExampleGen"}
    assert list(stages).index("StartModel") < list(stages).index("Trainer")


def test_one_table_adds_its_own_stages_alone():
    ids = [stage.id for stage in _chain(TABLES[1]).components]
    assert [name for name in ids if name not in EDGES] == [name.format("User") for name in OF_A_TABLE]
    assert ids.index("UserGate") < ids.index("SequenceGen")


def test_tables_give_stages_what_the_configuration_says_of_them(with_tables):
    properties = {name: stage.exec_properties for name, stage in with_tables.items()}
    assert properties["ItemExampleGen"]["fingerprint"] == "i"
    assert properties["UserExampleGen"]["kind"] == "users"
    assert json.loads(properties["ItemSchema"]["optional"]) == [
        "title:BYTES", "feature_genre:BYTES", "feature_price:FLOAT", "feature_t:BYTES",
    ]  # fmt: skip
    assert json.loads(properties["SequenceSchema"]["optional"]) == ["user_feature_group"]


def test_sequences_are_made_after_the_gate_without_reading_from_it(stages):
    assert stages["DataGate"] in stages["SequenceGen"].upstream_nodes


def test_sequences_are_made_after_the_gates_of_tables(with_tables):
    assert {with_tables["ItemGate"], with_tables["UserGate"]} <= set(with_tables["SequenceGen"].upstream_nodes)


def test_every_stage_of_ours_has_a_code_version(stages):
    without = [
        name
        for name, stage in stages.items()
        if "code_version" not in stage.exec_properties and "code_version" not in str(stage.exec_properties)
    ]
    assert set(without) == OF_TFX


def test_beam_is_told_its_runner(stages):
    assert _chain().beam_pipeline_args == ["--runner=FnApiRunner", "--sdk_container_image=unused"]


def test_functions_named_by_strings_are_there(stages):
    """import-linter doesn't see these."""
    import importlib

    tuner = next(stage for stage in _chain(TUNER).components if stage.id == "Tuner")
    named = [stages["Trainer"].exec_properties["run_fn"], stages["Transform"].exec_properties["preprocessing_fn"]]
    named.append(tuner.exec_properties["tuner_fn"])
    for name in named:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize(("labels", "marked"), [("newest", True), ("held_out", False), ("all", False)])
def test_data_by_span_add_a_column_and_labels_of_the_newest_a_mark(labels, marked):
    told = ["example_gen.data=['logs/data-{SPAN}.csv']", "example_gen.spans.window=7"]
    stages = {stage.id: stage for stage in _chain(*told, f"sequence_gen.span_labels={labels}").components}
    assert "span" in json.loads(stages["InteractionSchema"].exec_properties["optional"])
    assert ("learn_from" in json.loads(stages["SequenceSchema"].exec_properties["optional"])) is marked


def test_a_log_that_is_not_by_span_has_neither():
    stages = {stage.id: stage for stage in _chain().components}
    optional = (
        stages["InteractionSchema"].exec_properties["optional"] + stages["SequenceSchema"].exec_properties["optional"]
    )
    assert "span" not in optional
    assert "learn_from" not in optional


def test_a_model_is_checked_before_the_push_where_that_is_configured():
    stages = {stage.id: stage for stage in _chain("model_check={requests: 10}").components}
    assert _edges(stages["ModelCheck"]) == {
        "model": ("Trainer", "model"),
        "examples": ("SequenceGen", "sequences"),
        "item_counts": ("SequenceGen", "item_counts"),
    }
    assert _edges(stages["Pusher"])["infra_blessing"] == ("ModelCheck", "blessing")
