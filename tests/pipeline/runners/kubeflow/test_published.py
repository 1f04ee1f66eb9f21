"""What a step finds at the publish target, as inputs."""

import pathlib

import pytest

from components.pusher.publish import push
from pipeline.runners.kubeflow import published
from pipeline.runners.kubeflow.step import Step
from schemas.contents import READ_COUNTS_FILE
from schemas.digest import directory_digest
from schemas.records import ReadCounts, ReadFile
from schemas.runs import Manifest


def model(path, graph):
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_text(graph)
    return path


@pytest.fixture
def target(tmp_path):
    """A target with one version, made of file a."""
    source = model(tmp_path / "source", "old")
    manifest = Manifest(
        model="shop", version=0, published_at="", evaluation="", metrics={}, code_version="c",
        digest=directory_digest(str(source)), data=[{"name": "a.csv", "sha256": "a"}],
    )  # fmt: skip
    push(str(source), str(tmp_path / "target"), manifest)
    return str(tmp_path / "target")


def step(tmp_path, **inputs):
    artifacts = {name: {"artifacts": [{"uri": str(path)}]} for name, path in inputs.items()}
    return Step({"inputs": {"artifacts": artifacts}}, {}, tmp_path / "out.json")


def test_the_evaluator_gets_the_published_model(tmp_path, target):
    made = step(tmp_path, model=model(tmp_path / "new", "new"))
    published.add_baseline(made, target, tmp_path)
    (found,) = made.invocation["inputs"]["artifacts"]["baseline_model"]["artifacts"]
    assert (pathlib.Path(found["uri"]) / "saved_model.pb").read_text() == "old"
    assert made.remote[found["uri"]].startswith(f"{target}/")
    assert "tfx.Model" in found["type"]["instanceSchema"]


def test_the_candidate_itself_is_no_baseline(tmp_path, target):
    made = step(tmp_path, model=model(tmp_path / "same", "old"))
    published.add_baseline(made, target, tmp_path)
    assert "baseline_model" not in made.invocation["inputs"]["artifacts"]


@pytest.mark.parametrize(("sha", "starts"), [("b", True), ("a", False)])
def test_training_starts_from_a_model_of_other_data_alone(tmp_path, target, sha, starts):
    read = tmp_path / "read"
    read.mkdir()
    file = ReadFile(name="x.csv", size=1, sha256=sha, read=1, rejected=0)
    ReadCounts(read=1, used=1, rejected=0, reasons={}, files=[file]).save(read / READ_COUNTS_FILE)
    made = step(tmp_path, read=read)
    published.add_start(made, target, tmp_path)
    assert ("start_model" in made.invocation["inputs"]["artifacts"]) is starts
    assert published.DATA not in made.invocation["inputs"]["artifacts"]
