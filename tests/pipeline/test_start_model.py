"""What a training begins with: alone, and in a chain of real TFX nodes on LocalDagRunner."""

import json
import pathlib

from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.pusher.publish import push
from pipeline.start_model import LatestOfOtherData, latest_of_other_data
from schemas.artifacts import RejectedRows
from schemas.contents import READ_COUNTS_FILE
from schemas.digest import directory_digest
from schemas.runs import Manifest


def publish(source, target, **known):
    known = {"digest": directory_digest(str(source)), "metrics": {}, "data": [], "code_version": "", **known}
    manifest = Manifest(model="shop", version=0, published_at="", evaluation="", **known)
    return push(str(source), str(target), manifest).published


def model_folder(path, graph):
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_text(graph)
    return path


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


def test_no_training_begins_with_a_version_that_derives_from_forgotten_users(tmp_path):
    target = str(tmp_path / "shop")
    one = publish(model_folder(tmp_path / "1", "one"), target, data=[read_file("m")])
    two = publish(model_folder(tmp_path / "2", "two"), target, data=[read_file("t")])
    assert latest_of_other_data(target, [read_file("w")], {two.path}) == one
    assert latest_of_other_data(target, [read_file("w")], {one.path, two.path}) is None


def test_by_span_a_training_begins_with_the_newest_version_of_an_older_span(tmp_path):
    target = str(tmp_path / "shop")

    def of(*spans, **changed):
        return [{**read_file(changed.get(f"s{span}", f"s{span}")), "span": span} for span in spans]

    publish(model_folder(tmp_path / "0", "zero"), target, data=[read_file("all")])
    assert latest_of_other_data(target, of(1)) is None  # who knows what that model has seen
    one = publish(model_folder(tmp_path / "1", "one"), target, data=of(1))
    assert latest_of_other_data(target, of(1)) is None  # nothing new: not its own
    two = publish(model_folder(tmp_path / "2", "two"), target, data=of(1, 2))
    assert latest_of_other_data(target, of(1, 2)) == one
    assert latest_of_other_data(target, of(1, 2, s1="written anew")) == one  # other data, but no new span
    assert latest_of_other_data(target, of(2)) == one  # nor in another window
    assert latest_of_other_data(target, of(2, 5)) == two
    assert latest_of_other_data(target, [read_file("all")]) == two  # not by span: any other


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
