"""A store of made runs, read."""

import pytest

from schemas.errors import StoreError


def test_runs_are_the_newest_first_with_state_and_what_the_cache_gave(store):
    lines = store.runs()
    assert [line.id for line in lines] == [
        "2026-02-01T000000", "2026-01-03T000000", "2026-01-02T000000", "2026-01-01T000000",
    ]  # fmt: skip
    assert [line.state for line in lines] == ["succeeded", "failed", "succeeded", "succeeded"]
    assert [(line.stages, line.cached) for line in lines] == [(8, 5), (7, 0), (8, 5), (8, 0)]  # a resolver is no stage


def test_a_limit_leaves_the_newest(store):
    assert [line.id for line in store.runs(limit=1)] == ["2026-02-01T000000"]


@pytest.mark.parametrize("name", ["2026-02-01T000000", "2026-02", "latest"])
def test_a_run_is_found_by_its_name_the_beginning_of_it_or_as_the_latest(store, name):
    assert store.run(name).line.id == "2026-02-01T000000"


def test_a_name_that_several_runs_begin_with_is_refused_with_their_names(store):
    with pytest.raises(StoreError, match=r"3 runs begin so(.|\n)*2026-01-03"):
        store.run("2026-01")


def test_an_unknown_run_is_refused_with_those_that_are_near(store):
    with pytest.raises(StoreError, match="Did you mean 2026-02-01T000000"):
        store.run("2026-02-02")


def test_a_stage_has_its_name_its_inputs_and_its_outputs(store):
    trainer = store.run("latest").stage("Trainer")
    assert set(trainer.inputs) == {"transform_graph", "transformed_examples", "item_counts"}
    assert trainer.output("model").type == "Model"
    assert trainer.output("nothing") is None
    assert '"dropout": 0.5' in trainer.properties["options"]


def test_a_cached_stage_has_the_artifacts_of_the_run_that_made_them(store):
    cached, made = (store.run(name).stage("Transform") for name in ("2026-02", "2026-01-03"))
    assert cached.cached
    assert not made.cached
    assert cached.output("transform_graph") == made.output("transform_graph")


def test_a_failed_run_ends_at_the_stage_that_failed(store):
    run = store.run("2026-01-03")
    assert run.stages[-1].name == "Evaluator"
    assert run.stages[-1].state == "failed"
    assert run.stages[-1].outputs == {}
    assert run.stage("Pusher") is None


def test_artifacts_are_the_newest_first_of_all_types_or_one(store):
    everything = store.artifacts()
    assert [each.id for each in everything] == sorted((each.id for each in everything), reverse=True)
    assert len(store.artifacts("model")) == 4
    assert {each.type for each in store.artifacts("RejectedRows")} == {"seqrank.RejectedRows"}
    with pytest.raises(StoreError, match=r"Those there are: .*ModelBlessing"):
        store.artifacts("Models")


def test_an_artifact_is_found_by_id_address_and_place_in_a_run(store):
    model = store.run("2026-01-02").stage("Trainer").output("model")
    for reference in (str(model.id), model.uri, f"{model.uri}/", "2026-01-02/Trainer.model"):
        assert store.artifact(reference) == model


@pytest.mark.parametrize("reference", ["999999", "/nowhere", "latest/Trainer.nothing", "latest/Nobody.model"])
def test_an_unknown_artifact_is_refused(store, reference):
    with pytest.raises(StoreError, match="no such artifact"):
        store.artifact(reference)
