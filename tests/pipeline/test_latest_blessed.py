"""A chain of real TFX nodes on LocalDagRunner: the candidate, the resolver, and a stage that reads the baseline."""

import dataclasses
import json
import pathlib
import shutil

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.pusher.publish import push
from pipeline.latest_blessed import LatestPublished, as_artifacts, latest_blessed
from schemas.digest import directory_digest
from schemas.models import REFIT_FOLDER
from schemas.runs import MANIFEST_FILE, Manifest


def publish(source, target, **known):
    known = {"digest": directory_digest(str(source)), "metrics": {}, "data": [], "code_version": "", **known}
    manifest = Manifest(model="shop", version=0, published_at="", evaluation="", **known)
    return push(str(source), str(target), manifest).published


def model_folder(path, graph):
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_text(graph)
    return path


def test_the_newest_version_is_the_latest_blessed_and_the_candidate_is_left_out(tmp_path):
    target = tmp_path / "shop"
    assert latest_blessed(str(target)) is None
    one = publish(model_folder(tmp_path / "1", "one"), target)
    two = publish(model_folder(tmp_path / "2", "two"), target)
    assert latest_blessed(str(target)) == two
    assert latest_blessed(str(target), leave_out=two.manifest.digest) == one
    assert latest_blessed(str(target), leave_out=one.manifest.digest) == two


def test_every_version_of_the_candidate_is_left_out(tmp_path):
    target = tmp_path / "shop"
    first, second = model_folder(tmp_path / "1", "one"), model_folder(tmp_path / "2", "two")
    one, two, _ = publish(first, target), publish(second, target), publish(first, target)
    assert latest_blessed(str(target), leave_out=one.manifest.digest) == two


def test_junk_in_the_target_is_passed_over(tmp_path):
    target = tmp_path / "shop"
    one = publish(model_folder(tmp_path / "1", "one"), target)
    newer = one.manifest.version
    (target / "notes.txt").write_text("by hand")
    (target / "old").mkdir()
    (target / "²").mkdir()  # a digit to str.isdigit, no number
    (target / str(newer + 1)).mkdir()
    model_folder(target / str(newer + 2), "no manifest")
    (model_folder(target / str(newer + 3), "broken manifest") / MANIFEST_FILE).write_bytes(b'{"model": \xff')
    (model_folder(target / str(newer + 4), "another's") / MANIFEST_FILE).write_text(json.dumps({"name": "x"}))
    (target / str(newer + 5)).write_text("a file with a number")
    assert latest_blessed(str(target)) == one


# --- The resolver in a chain ---------------------------------------------------------------------------------------


class TrainSpec(ComponentSpec):
    INPUTS = {}  # noqa: RUF012
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012
    PARAMETERS = {"graph": ExecutionParameter(type=str)}  # noqa: RUF012


class TrainExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        (model,) = output_dict["model"]
        model_folder(pathlib.Path(model.uri) / "Format-Serving", exec_properties["graph"])
        if exec_properties["graph"].startswith("refit"):
            refit = model_folder(pathlib.Path(model.uri) / REFIT_FOLDER, f"{exec_properties['graph']}, on all labels")
            model.set_string_custom_property("digest", directory_digest(str(refit)))


class Train(base_component.BaseComponent):
    SPEC_CLASS = TrainSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(TrainExecutor)

    def __init__(self, graph):
        super().__init__(spec=TrainSpec(graph=graph, model=channel.Channel(type=standard_artifacts.Model)))


class CompareSpec(ComponentSpec):
    INPUTS = {  # noqa: RUF012
        "model": ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True, allow_empty=True),
    }
    OUTPUTS = {"evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation)}  # noqa: RUF012
    PARAMETERS = {}  # noqa: RUF012


class CompareExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        baseline = [artifact.uri for artifact in input_dict.get("baseline_model", [])]
        (pathlib.Path(output_dict["evaluation"][0].uri) / "baseline.json").write_text(json.dumps(baseline))


class Compare(base_component.BaseComponent):
    SPEC_CLASS = CompareSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CompareExecutor)

    def __init__(self, model, baseline_model):
        evaluation = channel.Channel(type=standard_artifacts.ModelEvaluation)
        super().__init__(spec=CompareSpec(model=model, baseline_model=baseline_model, evaluation=evaluation))


@dataclasses.dataclass
class Chain:
    root: pathlib.Path

    @property
    def target(self):
        return self.root / "serving" / "shop"

    def run(self, graph):
        """Runs the chain with a model that holds `graph`; returns the stages that came from the cache."""
        trained = Train(graph)
        latest = Resolver(
            strategy_class=LatestPublished, config={"target": str(self.target)}, model=trained.outputs["model"]
        ).with_id("LatestBlessed")
        compared = Compare(trained.outputs["model"], latest.outputs["model"])
        before = {execution.id for execution in self.executions()}
        LocalDagRunner().run(
            Pipeline(
                pipeline_name="toy",
                pipeline_root=str(self.root / "artifacts"),
                metadata_connection_config=metadata.sqlite_metadata_connection_config(str(self.root / "m.sqlite")),
                components=[trained, latest, compared],
                enable_cache=True,
            )
        )
        kinds = {kind.id: kind.name.rsplit(".", 1)[-1] for kind in self.store().get_execution_types()}
        new = [execution for execution in self.executions() if execution.id not in before]
        cached = metadata_store_pb2.Execution.CACHED
        return {kinds[execution.type_id] for execution in new if execution.last_known_state == cached} - {"Resolver"}

    def store(self):
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = str(self.root / "m.sqlite")
        return metadata_store.MetadataStore(config)

    def executions(self):
        return self.store().get_executions() if (self.root / "m.sqlite").exists() else []

    def models(self):
        return self.store().get_artifacts_by_type("Model")

    def trained(self):
        """Folder of what the last training made."""
        return max(self.root.glob("artifacts/Train/model/*"), key=lambda path: int(path.name))

    def push(self):
        """Publishes what the last training made."""
        return publish(self.trained() / "Format-Serving", self.target)

    def baselines(self):
        """What each comparison that really ran was given, in order."""
        found = self.root.glob("artifacts/Compare/evaluation/*/baseline.json")
        return [json.loads(path.read_text()) for path in sorted(found, key=lambda path: int(path.parent.name))]


@pytest.fixture
def chain(tmp_path):
    return Chain(tmp_path)


def test_a_second_identical_run_is_all_cached_and_a_new_model_meets_the_published_one_once(chain):
    assert chain.run("one") == set()
    first = chain.push()
    assert chain.baselines() == [[]]
    assert chain.run("one") == {"Train", "Compare"}  # the candidate is the newest version: nothing to compare with
    assert chain.run("two") == set()
    assert chain.baselines() == [[], [first.path]]
    chain.push()
    assert chain.run("two") == {"Train", "Compare"}  # the same artifact as before, times included
    assert [model.uri for model in chain.models()].count(first.path) == 1


def test_an_unblessed_model_is_compared_with_what_stays_served(chain):
    chain.run("one")
    first = chain.push()
    chain.run("worse")
    assert chain.run("worse") == {"Train", "Compare"}
    assert chain.run("other") == set()
    assert chain.baselines() == [[], [first.path], [first.path]]


def test_after_a_refit_the_baseline_is_what_was_measured_not_what_saw_the_labels(chain):
    chain.run("refit one")
    measured = chain.trained()
    publish(measured / REFIT_FOLDER, chain.target, refit=True)
    assert chain.run("refit one") == {"Train", "Compare"}
    chain.run("two")
    assert chain.baselines() == [[], [str(measured)]]
    shutil.rmtree(measured)
    chain.run("three")
    assert chain.baselines() == [[], [str(measured)], []]


def test_the_latest_blessed_model_says_what_its_scores_mean(tmp_path):
    store = metadata_store.MetadataStore(metadata.sqlite_metadata_connection_config(str(tmp_path / "store.sqlite")))
    published = publish(model_folder(tmp_path / "1", "one"), tmp_path / "shop", head="rating")
    for _ in range(2):  # registered at its first use, found at the next
        (artifact,) = as_artifacts(store, published)
        assert artifact.get_string_custom_property("head") == "rating"
