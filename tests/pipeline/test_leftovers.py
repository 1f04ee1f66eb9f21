"""What `seqrank gc` finds and removes, over a real ML Metadata and real folders."""

import os
import pathlib
import time

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from components.pusher import upload
from pipeline import leftovers
from pipeline.config import load
from pipeline.runners import metadata
from schemas.runs import MANIFEST_FILE, Manifest, OutputRoot


class Root:
    """An output root with runs as LocalDagRunner records them."""

    def __init__(self, path):
        self.root = OutputRoot(path)
        path.mkdir()
        self.store = metadata.connect(self.root.metadata)
        self.kinds = {
            "execution": self.store.put_execution_type(pb.ExecutionType(name="Stage")),
            "artifact": self.store.put_artifact_type(pb.ArtifactType(name="Output")),
            "pipeline_run": self.store.put_context_type(pb.ContextType(name="pipeline_run")),
            "node": self.store.put_context_type(pb.ContextType(name="node")),
        }

    def _context(self, kind, name):
        found = self.store.get_context_by_type_and_name(kind, name)
        return found.id if found else self.store.put_contexts([pb.Context(type_id=self.kinds[kind], name=name)])[0]

    def run(self, run_id, stages, *, finished=True):
        """stages: name -> (state, number of an artifact folder it has, folder it reads or None)."""
        (self.root.path / run_id).mkdir()
        if finished:
            (self.root.path / run_id / "summary.json").write_text("{}")
        for stage, (state, output, reads) in stages.items():
            execution = pb.Execution(type_id=self.kinds["execution"], last_known_state=pb.Execution.State.Value(state))
            (identity,) = self.store.put_executions([execution])
            contexts = [self._context("pipeline_run", run_id), self._context("node", f"movielens.{stage}")]
            links = [pb.Association(execution_id=identity, context_id=context) for context in contexts]
            self.store.put_attributions_and_associations([], links)
            if state in ("COMPLETE", "CACHED"):
                self._event(identity, self.artifact(stage, output), pb.Event.OUTPUT)
            else:
                self.folder(stage, output)
            if reads:
                self._event(identity, self.artifact(*reads), pb.Event.INPUT)

    def folder(self, stage, number):
        folder = self.root.artifacts / stage / "output" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "data").write_bytes(bytes(1000))
        return folder

    def artifact(self, stage, number):
        uri = str(self.folder(stage, number))
        known = self.store.get_artifacts_by_uri(uri)
        new = pb.Artifact(type_id=self.kinds["artifact"], uri=uri, state=pb.Artifact.LIVE)
        return known[0].id if known else self.store.put_artifacts([new])[0]

    def _event(self, execution, artifact, kind):
        event = pb.Event(execution_id=execution, artifact_id=artifact, type=kind)
        event.path.steps.add().key = "output"
        self.store.put_events([event])

    def publish(self, version):
        folder = self.root.serving / "movielens" / str(version)
        folder.mkdir(parents=True)
        manifest = Manifest(
            model="movielens", version=version, digest=str(version), published_at="", metrics={}, data=[],
            code_version="", evaluation="",
        )  # fmt: skip
        (folder / MANIFEST_FILE).write_text(manifest.model_dump_json())
        (folder / "saved_model.pb").write_text("graph")

    def find(self, *settings):
        self.config = load(None, ["example_gen.data=[a.csv]", *settings])
        return leftovers.find(self.config, self.root)

    def names(self, found):
        return {str(leftover.path.relative_to(self.root.path)): leftover.why for leftover in found}


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path / "runs")


def test_old_and_killed_runs_go_and_what_the_kept_ones_have_from_the_cache_stays(root):
    root.run("2026-01-01T000000", {"Read": ("COMPLETE", 1, None), "Train": ("COMPLETE", 2, ("Read", 1))})
    root.run("2026-01-02T000000", {"Read": ("CACHED", 1, None), "Train": ("RUNNING", 4, None)}, finished=False)
    root.run("2026-01-03T000000", {"Read": ("CACHED", 1, None), "Train": ("COMPLETE", 6, ("Read", 1))})
    found = root.find("run.keep.runs=1")
    assert root.names(found) == {
        "2026-01-01T000000": leftovers.OLD_RUN,
        "2026-01-02T000000": leftovers.KILLED,
        "artifacts/Train/output/2": leftovers.OLD_RUN,
        "artifacts/Train/output/4": leftovers.KILLED,
    }
    assert {leftover.size for leftover in found if "Train" in str(leftover.path)} == {1000}
    leftovers.remove(found, root.config, root.root)
    assert root.find("run.keep.runs=1") == []
    assert {path.name for path in (root.root.artifacts / "Train" / "output").iterdir()} == {"6"}
    states = {pathlib.Path(a.uri).name: pb.Artifact.State.Name(a.state) for a in root.store.get_artifacts()}
    assert states == {"1": "LIVE", "2": "DELETED", "6": "LIVE"}


def test_killed_run_that_the_same_command_would_go_on_from_stays(root):
    root.run("2026-01-01T000000", {"Read": ("COMPLETE", 1, None)})
    root.run("2026-01-02T000000", {"Read": ("COMPLETE", 3, None), "Train": ("RUNNING", 4, None)}, finished=False)
    assert root.names(root.find("run.keep.runs=1")) == {"artifacts/Train/output/4": leftovers.KILLED}


def test_what_a_kept_run_only_reads_stays(root):  # a baseline that an older run trained
    root.run("2026-01-01T000000", {"Train": ("COMPLETE", 2, None)})
    root.run("2026-01-02T000000", {"Train": ("COMPLETE", 4, None), "Evaluate": ("COMPLETE", 5, ("Train", 2))})
    assert root.names(root.find("run.keep.runs=1")) == {"2026-01-01T000000": leftovers.OLD_RUN}


def test_newest_versions_stay_published(root):
    for version in (5, 7, 10, 11):
        root.publish(version)
    found = root.find("run.keep.models=2")
    assert root.names(found) == {f"serving/movielens/{n}": leftovers.OLD_MODEL for n in (5, 7)}
    leftovers.remove(found, root.config, root.root)
    assert {path.name for path in (root.root.serving / "movielens").iterdir()} == {"10", "11"}


def test_checkpoints_go_by_age_alone(root):
    for name, days in (("young", 1), ("old", 9)):
        folder = root.root.checkpoints / name
        folder.mkdir(parents=True)
        (folder / "training.npz").write_bytes(b"x")
        for path in (folder / "training.npz", folder):
            os.utime(path, (time.time() - days * 86_400,) * 2)
    assert root.names(root.find()) == {"checkpoints/old": leftovers.OLD_CHECKPOINT}


def test_root_without_a_run_has_nothing_to_delete(tmp_path):
    config = load(None, ["example_gen.data=[a.csv]"])
    assert leftovers.find(config, OutputRoot(tmp_path / "runs")) == []


def test_an_object_store_has_old_versions_and_pushes_that_were_cut_off(root, s3, monkeypatch):
    monkeypatch.setattr(upload, "ABANDONED", 0.0)
    for version in (5, 7, 10):
        root.publish(version)
        for name in (MANIFEST_FILE, "saved_model.pb"):
            s3.upload_file(str(root.root.serving / "movielens" / str(version) / name), f"shop/{version}/{name}")
    s3.put_object(Key=f"shop/11/{MANIFEST_FILE}", Body=b"{}")
    s3.put_object(Key="shop/11/variables/half", Body=bytes(1000))
    found = root.find("run.keep.models=2", f"pusher.target=minio://{s3.name}/shop")
    assert {(leftover.path, leftover.why) for leftover in found} == {
        (f"s3://{s3.name}/shop/5", leftovers.OLD_MODEL),
        (f"s3://{s3.name}/shop/11", leftovers.KILLED_PUSH),
    }
    assert max(leftover.size for leftover in found) == 1002
    leftovers.remove(found, root.config, root.root)
    assert {each.key.split("/")[1] for each in s3.objects.all()} == {"7", "10"}


def test_what_derives_from_forgotten_users_goes_even_where_a_kept_run_has_it_but_for_the_version_that_is_served(root):
    root.run("2026-01-01T000000", {"Read": ("COMPLETE", 1, None), "Push": ("COMPLETE", 2, ("Read", 1))})
    root.run("2026-01-02T000000", {"Read": ("COMPLETE", 3, None)})
    pages = [root.root.path / f"2026-01-0{day}T000000" / "report.html" for day in (1, 2)]
    for page in pages:
        page.write_text("histories")
    retired = root.store.get_artifacts_by_id([root.artifact("Read", 1), root.artifact("Push", 2)])
    for artifact in retired:
        artifact.state = pb.Artifact.MARKED_FOR_DELETION
    retired[1].custom_properties["pushed_destination"].string_value = str(root.root.serving / "movielens" / "5")
    root.store.put_artifacts(retired)
    root.publish(5)
    served = root.names(root.find())
    assert served == {
        "artifacts/Read/output/1": leftovers.RETIRED,
        "artifacts/Push/output/2": leftovers.RETIRED,
        "2026-01-01T000000/report.html": leftovers.RETIRED,
    }
    root.publish(7)
    found = root.find()
    assert root.names(found) == {**served, "serving/movielens/5": leftovers.RETIRED}
    leftovers.remove(found, root.config, root.root)
    assert root.find() == []
    assert [page.exists() for page in pages] == [False, True]
    assert {path.name for path in (root.root.serving / "movielens").iterdir()} == {"7"}
    states = {pathlib.Path(a.uri).name: pb.Artifact.State.Name(a.state) for a in root.store.get_artifacts()}
    assert states == {"1": "DELETED", "2": "DELETED", "3": "LIVE"}
