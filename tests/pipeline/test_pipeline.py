"""The DAG's edges, by hand on purpose: a stage that reads something else shows here."""

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
    },
    "Pusher": {
        "model": ("Trainer", "model"),
        "blessing": ("Evaluator", "blessing"),
        "evaluation": ("Evaluator", "evaluation"),
        "rejected": ("InteractionExampleGen", "rejected"),
    },
}


@pytest.fixture(scope="module")
def stages():
    chain = create_pipeline(load(DEFAULT), OutputRoot(pathlib.Path("/nowhere")), fingerprint="f", metadata=None)
    return {stage.id: stage for stage in chain.components}


def _edges(stage):
    edges = {}
    for key, channel in stage.inputs.items():
        (producer,) = channel.get_data_dependent_node_ids()  # what a resolver reads has no producer_component_id
        edges[key] = (producer, channel.output_key)
    return edges


def test_each_stage_reads_what_the_table_says(stages):
    assert {name: _edges(stage) for name, stage in stages.items()} == EDGES


def test_sequences_are_made_after_the_gate_without_reading_from_it(stages):
    assert stages["DataGate"] in stages["SequenceGen"].upstream_nodes


def test_every_stage_of_ours_has_a_code_version(stages):
    without = [
        name
        for name, stage in stages.items()
        if "code_version" not in stage.exec_properties and "code_version" not in str(stage.exec_properties)
    ]
    assert set(without) == OF_TFX


def test_beam_is_told_its_runner(stages):
    chain = create_pipeline(load(DEFAULT), OutputRoot(pathlib.Path("/nowhere")), fingerprint="f", metadata=None)
    assert chain.beam_pipeline_args == ["--runner=FnApiRunner", "--sdk_container_image=unused"]


def test_functions_named_by_strings_are_there(stages):
    """import-linter doesn't see these."""
    import importlib

    named = [stages["Trainer"].exec_properties["run_fn"], stages["Transform"].exec_properties["preprocessing_fn"]]
    for name in named:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), function))
