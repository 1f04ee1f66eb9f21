"""The imitation of driver and launcher against kfp.local's own functions, where those agree with the server.

They don't where ../docs/kubeflow.md says: types of inputs, executor-logs, the output file, empty folders.
"""

import json

import pytest
import yaml

from pipeline.config import load
from pipeline.runners.kubeflow.compile import compile_package

executor_input_utils = pytest.importorskip("kfp.local.executor_input_utils", reason="kfp of this stack has no such")
graph_utils = pytest.importorskip("kfp.local.graph_utils", reason="kfp.local of this stack knows no input artifacts")

SETTINGS = ["example_gen.data=['s3://logs/a.csv']", "pusher.target=s3://models/shop", "run.name=shop"]


@pytest.fixture(scope="module")
def package():
    return next(iter(yaml.safe_load_all(compile_package(load(None, SETTINGS)).text())))


@pytest.fixture(scope="module")
def spec(package):
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    return json_format.ParseDict(package, pipeline_spec_pb2.PipelineSpec())


def test_tasks_come_in_an_order_that_kfp_local_has_for_right_too(imitation, package, spec):
    ours = imitation._in_order(package["root"]["dag"]["tasks"])
    theirs = graph_utils.topological_sort_tasks(dict(spec.root.dag.tasks))  # a stack: the first is the last
    assert sorted(ours) == sorted(theirs)
    for order in (ours, theirs[::-1]):
        place = {name: at for at, name in enumerate(order)}
        for name, task in spec.root.dag.tasks.items():
            assert all(place[before] < place[name] for before in task.dependent_tasks)


@pytest.mark.parametrize("stage", ["InteractionExampleGen", "Trainer", "Pusher"])
def test_parameters_outputs_and_their_types_are_those_of_kfp_local(imitation, package, spec, stage, tmp_path):
    from kfp import dsl

    task, component = package["root"]["dag"]["tasks"][stage], package["components"][stage]
    given = {name: each["defaultValue"] for name, each in package["root"]["inputDefinitions"]["parameters"].items()}
    server = imitation.Imitation("", "s3://artifacts/runs", tmp_path, tmp_path, {})
    inputs = task.get("inputs", {}).get("artifacts", {})
    for source in inputs.values():
        made = source["taskOutputArtifact"]
        done = server.done.setdefault(made["producerTask"], imitation.Done({}, ""))
        done.outputs[made["outputArtifactKey"]] = {"name": "1", "uri": "s3://artifacts/runs/x", "metadata": {}}
    ours = server._executor_input(task, component, given, "shop/run/task")
    arguments = {**ours["inputs"]["parameterValues"]}
    arguments |= {name: dsl.Artifact(name="1", uri="s3://artifacts/runs/x", metadata={}) for name in inputs}
    theirs = executor_input_utils.construct_executor_input(
        spec.components[stage], arguments, task_root=str(tmp_path), block_input_artifact=False
    )
    theirs = executor_input_utils.executor_input_to_dict(theirs, spec.components[stage])
    assert ours["inputs"]["parameterValues"] == theirs["inputs"].get("parameterValues", {})
    assert set(ours["inputs"]["artifacts"]) == set(theirs["inputs"].get("artifacts", {}))
    del ours["outputs"]["artifacts"][imitation.LOGS]
    kinds = [
        {name: each["artifacts"][0]["type"] for name, each in told["outputs"].get("artifacts", {}).items()}
        for told in (ours, theirs)
    ]
    assert kinds[0] == kinds[1]


def test_the_executor_input_is_pasted_where_kfp_local_pastes_it(package):
    from kfp.local import placeholder_utils

    told = {"inputs": {"parameterValues": {"a": "b"}}, "outputs": {"outputFile": "/x"}}
    for label, executor in package["deploymentSpec"]["executors"].items():
        words = [*executor["container"]["command"], *executor["container"]["args"]]
        ours = [word.replace("{{$}}", json.dumps(told)) for word in words]
        theirs = placeholder_utils.replace_placeholders(
            full_command=words, executor_input_dict=told, pipeline_resource_name="shop", task_resource_name=label,
            pipeline_root="s3://artifacts", unique_pipeline_id="1",
        )  # fmt: skip
        assert [_json(word) for word in ours] == [_json(word) for word in theirs]


def _json(word):
    try:
        return json.loads(word)
    except ValueError:
        return word
