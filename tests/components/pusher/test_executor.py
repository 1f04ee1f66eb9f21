import json

import pytest
from tfx.types import standard_artifacts

from components.pusher.component import Pusher
from components.pusher.executor import Executor
from components.pusher.options import Options
from components.pusher.versions import published_versions
from schemas import artifacts, contents
from schemas.digest import directory_digest
from schemas.records import ReadCounts, ReadFile

FILE = ReadFile(name="log.csv", size=10, sha256="00", read=2, rejected=1, span=4)


@pytest.fixture
def inputs(tmp_path):
    made = {
        "model": standard_artifacts.Model(),
        "blessing": standard_artifacts.ModelBlessing(),
        "evaluation": standard_artifacts.ModelEvaluation(),
        "rejected": artifacts.RejectedRows(),
    }
    for key, artifact in made.items():
        artifact.uri = str(tmp_path / key)
        (tmp_path / key).mkdir()
    (tmp_path / "model" / "Format-Serving").mkdir()
    (tmp_path / "model" / "Format-Serving" / "saved_model.pb").write_text("graph")
    (tmp_path / "evaluation" / contents.METRICS_FILE).write_text(json.dumps({"test": {"ndcg@10": 0.1}}))
    why = "Not blessed: ndcg@10 on valid is 0.044, 1.00 times the most-popular baseline's; it must be 1.20 times."
    (tmp_path / "evaluation" / contents.BLESSING_FILE).write_text(json.dumps({"blessed": False, "why": why}))
    counts = ReadCounts(read=2, used=1, rejected=1, reasons={"no item": 1}, files=[FILE])
    counts.save(tmp_path / "rejected" / contents.READ_COUNTS_FILE)
    return made


def run(inputs, tmp_path, *, blessed):
    inputs["blessing"].set_int_custom_property("blessed", int(blessed))
    pushed_model = standard_artifacts.PushedModel()
    properties = {
        "target": str(tmp_path / "serving" / "shop"),
        "model_name": "shop",
        "options": Options().model_dump_json(),
        "code_version": "c0de",
    }
    Executor().Do({key: [value] for key, value in inputs.items()}, {"pushed_model": [pushed_model]}, properties)
    return pushed_model, published_versions(properties["target"])


def test_a_blessed_model_is_pushed_with_data_and_metrics_in_its_manifest(inputs, tmp_path):
    pushed_model, (published,) = run(inputs, tmp_path, blessed=True)
    assert pushed_model.get_int_custom_property("pushed") == 1
    assert pushed_model.get_string_custom_property("pushed_destination") == published.path
    assert pushed_model.get_string_custom_property("pushed_version") == str(published.manifest.version)
    assert published.manifest.model == "shop"
    assert published.manifest.metrics == {"test": {"ndcg@10": 0.1}}
    assert published.manifest.data == [FILE.model_dump()]
    assert published.manifest.spans == [4]
    assert published.manifest.digest == directory_digest(str(tmp_path / "model" / "Format-Serving"))
    assert published.manifest.evaluation == inputs["evaluation"].uri


def test_the_manifest_has_the_code_version_that_trained_the_model(inputs, tmp_path):
    inputs["model"].set_string_custom_property("code_version", "trainer's")
    _, (published,) = run(inputs, tmp_path, blessed=True)
    assert published.manifest.code_version == "trainer's"


@pytest.mark.parametrize(("said", "head"), [("rating", "rating"), ("", "next_item")])
def test_the_manifest_says_what_the_models_scores_mean(inputs, tmp_path, said, head):
    if said:
        inputs["model"].set_string_custom_property("head", said)
    _, (published,) = run(inputs, tmp_path, blessed=True)
    assert published.manifest.head == head


def test_the_newest_version_is_named_and_not_pushed_again(inputs, tmp_path):
    run(inputs, tmp_path, blessed=True)
    pushed_model, (published,) = run(inputs, tmp_path, blessed=True)
    assert pushed_model.get_int_custom_property("pushed") == 0
    assert pushed_model.get_string_custom_property("pushed_destination") == published.path
    assert "newest version already" in pushed_model.get_string_custom_property("why")


def test_an_unblessed_model_is_not_pushed_and_the_figures_say_why(inputs, tmp_path):
    pushed_model, versions = run(inputs, tmp_path, blessed=False)
    why = pushed_model.get_string_custom_property("why")
    assert versions == []
    assert pushed_model.get_int_custom_property("pushed") == 0
    assert not pushed_model.has_custom_property("pushed_destination")
    assert why.startswith("Not pushed; nothing is served. Not blessed: ")
    assert "0.044, 1.00 times" in why


def test_an_unblessed_model_leaves_what_is_served(inputs, tmp_path):
    _, before = run(inputs, tmp_path, blessed=True)
    (tmp_path / "model" / "Format-Serving" / "saved_model.pb").write_text("a worse graph")
    pushed_model, after = run(inputs, tmp_path, blessed=False)
    assert after == before
    stays = f"version {before[0].manifest.version} stays"
    assert stays in pushed_model.get_string_custom_property("why")


def test_the_declaration_names_the_model_by_its_target_unless_told():
    from tfx.types import channel

    channels = {
        "model": channel.Channel(type=standard_artifacts.Model),
        "blessing": channel.Channel(type=standard_artifacts.ModelBlessing),
        "evaluation": channel.Channel(type=standard_artifacts.ModelEvaluation),
        "rejected": channel.Channel(type=artifacts.RejectedRows),
    }
    stage = Pusher(**channels, target="runs/serving/shop/", options=Options(keep=3), code_version="c0de")
    assert stage.exec_properties["model_name"] == "shop"
    assert Options.model_validate_json(stage.exec_properties["options"]) == Options(keep=3)
    assert set(stage.outputs) == {"pushed_model"}
