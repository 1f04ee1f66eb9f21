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
from pipeline.latest_blessed import LatestOfOtherData, LatestPublished, latest_blessed, latest_of_other_data
from schemas.artifacts import READ_COUNTS_FILE, RejectedRows
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


def read_file(sha256, name="log.csv"):
    return {"name": name, "size": 1, "sha256": sha256, "read": 1, "rejected": 0}


def test_a_training_begins_with_the_newest_version_that_other_files_made(tmp_path):
    target = str(tmp_path / "shop")
    monday, tuesday = [read_file("m")], [read_file("t", "b.csv"), read_file("m", "a.csv")]
    assert latest_of_other_data(target, monday) is None
    one = publish(model_folder(tmp_path / "1", "one"), target, data=monday)
    assert latest_of_other_data(target, monday) is None
    two = publish(model_folder(tmp_path / "2", "two"), target, data=tuesday)
    assert latest_of_other_data(target, monday) == two
    moved = [read_file("m", "elsewhere/a.csv"), read_file("t", "elsewhere/b.csv")]  # the same files in another place
    assert latest_of_other_data(target, moved) == one


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


# --- What a training begins with -----------------------------------------------------------------------------------


class ReadSpec(ComponentSpec):
    INPUTS = {}  # noqa: RUF012
    OUTPUTS = {"rejected": ChannelParameter(type=RejectedRows)}  # noqa: RUF012
    PARAMETERS = {"sha256": ExecutionParameter(type=str)}  # noqa: RUF012


class ReadExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        counts = {"read": 1, "used": 1, "rejected": 0, "reasons": {}, "files": [read_file(exec_properties["sha256"])]}
        (pathlib.Path(output_dict["rejected"][0].uri) / READ_COUNTS_FILE).write_text(json.dumps(counts))


class Read(base_component.BaseComponent):
    SPEC_CLASS = ReadSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ReadExecutor)

    def __init__(self, sha256):
        super().__init__(spec=ReadSpec(sha256=sha256, rejected=channel.Channel(type=RejectedRows)))


class BeginSpec(ComponentSpec):
    INPUTS = {  # noqa: RUF012
        "start_model": ChannelParameter(type=standard_artifacts.Model, optional=True, allow_empty=True)
    }
    OUTPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012
    PARAMETERS = {}  # noqa: RUF012


class BeginExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        before = [artifact.uri for artifact in input_dict.get("start_model", [])]
        model_folder(pathlib.Path(output_dict["model"][0].uri) / "Format-Serving", json.dumps(before))


class Begin(base_component.BaseComponent):
    SPEC_CLASS = BeginSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(BeginExecutor)

    def __init__(self, start_model):
        super().__init__(spec=BeginSpec(start_model=start_model, model=channel.Channel(type=standard_artifacts.Model)))


def begin(root, sha256):
    """Runs a training on a file of that hash; returns what it began with, a list, and the folder of its model."""
    read = Read(sha256)
    found = Resolver(
        strategy_class=LatestOfOtherData,
        config={"target": str(root / "serving")},
        model=channel.Channel(type=standard_artifacts.Model),
        rejected=read.outputs["rejected"],
    ).with_id("StartModel")
    LocalDagRunner().run(
        Pipeline(
            pipeline_name="toy",
            pipeline_root=str(root / "artifacts"),
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "m.sqlite")),
            components=[read, found, Begin(found.outputs["model"])],
            enable_cache=True,
        )
    )
    model = max(root.glob("artifacts/Begin/model/*"), key=lambda path: int(path.name)) / "Format-Serving"
    return json.loads((model / "saved_model.pb").read_text()), model


def test_new_data_begin_with_what_is_served_and_a_repeated_run_is_cached(tmp_path):
    before, model = begin(tmp_path, "monday")
    assert before == []
    first = publish(model, tmp_path / "serving", data=[read_file("monday")])
    assert begin(tmp_path, "monday") == ([], model)  # the same folder: from the cache
    before, second = begin(tmp_path, "tuesday")
    assert before == [first.path]
    publish(second, tmp_path / "serving", data=[read_file("tuesday")])
    assert begin(tmp_path, "tuesday") == ([first.path], second)


def test_a_store_that_knows_no_model_yet_begins_with_another_machines(tmp_path):
    other = publish(model_folder(tmp_path / "1", "one"), tmp_path / "serving", data=[read_file("monday")])
    assert begin(tmp_path, "tuesday")[0] == [other.path]
