"""What the TFJob's pods run is what the command line and the Trainer's command take."""

import json
import pathlib

import pytest
import typer
import yaml

from components.trainer import task, worker
from pipeline.cli.__main__ import app
from ranker.workers import place
from schemas.runs import OutputRoot

FILE = pathlib.Path(__file__).parents[2] / "deploy" / "training" / "tfjob.yaml"


@pytest.fixture
def replicas():
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))["spec"]["tfReplicaSpecs"]


def command(replica):
    (container,) = replica["template"]["spec"]["containers"]
    return container["command"]


def test_workers_wait_where_the_chief_leaves_the_task(replicas):
    program, name, *arguments = command(replicas["Chief"])
    assert (program, name) == ("seqrank", "run")
    context = typer.main.get_command(app).commands[name].make_context(name, arguments)
    checkpoints = OutputRoot(pathlib.Path(context.params["output"])).checkpoints
    python, option, module, *arguments = command(replicas["Worker"])
    assert (python, option, module) == ("python", "-m", worker.MODULE)
    assert worker.parser().parse_args(arguments).task == f"{checkpoints}/{task.FILE}"


def test_every_pod_knows_its_place(replicas):
    cluster = {kind.lower(): [f"{kind}-{n}:2222" for n in range(of["replicas"])] for kind, of in replicas.items()}
    places = [
        place({"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": n}})})
        for kind, addresses in cluster.items()
        for n in range(len(addresses))
    ]
    assert [one.index for one in places] == list(range(places[0].count))


def test_one_lost_pod_does_not_use_up_the_restarts(replicas):
    spec = yaml.safe_load(FILE.read_text(encoding="utf-8"))["spec"]
    pods = sum(of["replicas"] for of in replicas.values())
    assert spec["runPolicy"]["backoffLimit"] > 5 * pods  # the operator adds up the restarts of all
    assert {of["restartPolicy"] for of in replicas.values()} == {"OnFailure"}
