"""From a model back to the files, and from a file to the models."""

import json
import pathlib

import pytest

from inspection import lineage
from schemas.contents import READ_COUNTS_FILE
from schemas.errors import StoreError

FILE = {"name": "logs/day-1.csv", "size": 10, "sha256": "ab" * 32, "read": 3, "rejected": 0}


@pytest.fixture
def files(store):
    """What the first run's reader, and with it the second's, and the third's read: each one file."""
    for run, name in (("2026-01-01", "logs/day-1.csv"), ("2026-01-03", "logs/day-2.csv")):
        folder = pathlib.Path(store.run(run).stage("InteractionExampleGen").output("rejected").uri)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / READ_COUNTS_FILE).write_text(json.dumps({"files": [{**FILE, "name": name}]}))


def test_a_published_model_leads_back_to_file_options_and_the_runs_that_made_each_part(store, files):
    found = lineage.upstream(store, store.artifact("2026-01-02/Pusher.pushed_model"))
    assert [each["name"] for each in found.sources()] == ["logs/day-1.csv"]
    runs = {step.stage.name: step.run for step in found.steps.values()}
    assert runs["Trainer"] == "2026-01-02T000000"
    assert runs["Transform"] == "2026-01-01T000000"  # the second run had it from the cache
    assert "StatisticsGen" not in runs


def test_a_file_leads_to_each_model_that_it_touched(store, files):
    def models(name):
        found = lineage.downstream(store, lineage.of_file(store, name)).models()
        return {(artifact.type, step.run) for artifact, step in found}

    both = {(kind, run) for kind in ("Model", "PushedModel") for run in ("2026-01-01T000000", "2026-01-02T000000")}
    assert models("day-1.csv") == models("logs/day-1.csv") == both
    third = {("Model", "2026-01-03T000000"), ("Model", "2026-02-01T000000"), ("PushedModel", "2026-02-01T000000")}
    assert models("day-2.csv") == third
    assert models("abababab") == both | third


def test_an_unknown_file_is_refused_with_those_that_were_read(store, files):
    with pytest.raises(StoreError, match=r"logs/day-1.csv, logs/day-2.csv"):
        lineage.of_file(store, "day-3.csv")


def test_what_only_judges_a_model_is_not_followed(store):
    model = store.artifact("2026-01-01/Trainer.model")
    assert "PushedModel" in {each.type for each, _ in lineage.downstream(store, [model]).models()}
    assert [each for each, _ in lineage.downstream(store, [model], beside=("model",)).models()] == [model]
