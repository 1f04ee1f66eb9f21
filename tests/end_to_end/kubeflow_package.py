"""The compiled package, task by task on an imitation of Kubeflow's driver and launcher. `make test-kubeflow`: minutes.

A cluster can't run here. Each task's own command runs as a process in a file system of its own, and only a real S3
server (moto's) lies between them: pipeline/runners/kubeflow/imitation.py under tests/ says what is imitated.
"""

import os
import pathlib
import sys

import boto3
import numpy as np
import pytest
import yaml
from moto.server import ThreadedMotoServer

from pipeline.config import load
from pipeline.runners.kubeflow.compile import compile_package

ROOT = pathlib.Path(__file__).resolve().parents[2]
USERS, ITEMS, EVENTS = 150, 60, 20
KNOBS = ["trainer.epochs=8", "trainer.learning_rate=0.01", "trainer.model.architecture.units=32", "run.name=shop",
         "model_check={requests: 20}", "pusher.encryption={key_env: OUR_KEY}"]  # fmt: skip
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own for each step needs root"),
]


@pytest.fixture(scope="module")
def store():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    for bucket in ("artifacts", "models"):
        client(url).create_bucket(Bucket=bucket)
    yield url
    server.stop()


def client(url):
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test",
                        aws_secret_access_key="test")  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A log in which each item is followed by the next one of a ring; users begin where they like."""
    path = tmp_path_factory.mktemp("data") / "planted.csv"
    begin = np.random.default_rng(0).integers(ITEMS, size=USERS)
    items = (begin[:, None] + np.arange(EVENTS)) % ITEMS
    lines = [f"u{user},i{item},{86_400 * step}" for user, row in enumerate(items) for step, item in enumerate(row)]
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def package(data):
    cluster = f"{{python: {sys.executable}, volumes: [{{claim: logs, path: {data.parent}}}]}}"
    settings = [f"example_gen.data=[{data}]", "pusher.target=s3://models/shop", f"kubeflow={cluster}"]
    return list(yaml.safe_load_all(compile_package(load(None, [*KNOBS, *settings])).text()))


def run(imitation, store, package, folder, **told):
    env = {**KEYS, "AWS_ENDPOINT_URL": store, "PYTHONPATH": str(ROOT), "OUR_KEY": "0123456789abcdef"}
    server = imitation.Imitation(store, "s3://artifacts/runs", folder, ROOT, env, **told)
    return server.run(package)


def versions(store):
    found = client(store).list_objects_v2(Bucket="models").get("Contents", [])
    return {key.split("/")[1] for key in (each["Key"] for each in found) if key.endswith("/saved_model.pb")}


@pytest.fixture(scope="module")
def first(imitation, store, package, tmp_path_factory):
    return run(imitation, store, package, tmp_path_factory.mktemp("first"))


def test_a_run_ends_with_a_model_pushed_to_the_object_store(first, store):
    assert first["Evaluator"].outputs["blessing"]["metadata"]["blessed"] == 1
    assert first["Pusher"].outputs["pushed_model"]["metadata"]["pushed"] == 1
    assert len(versions(store)) == 1


def test_the_model_was_served_before_and_is_encrypted_there(first, store):
    assert first["ModelCheck"].outputs["blessing"]["metadata"]["blessed"] == 1
    assert first["ModelCheck"].outputs["blessing"]["metadata"]["requests"] == 20
    (version,) = versions(store)
    found = client(store).list_objects_v2(Bucket="models", Prefix=f"shop/{version}/")["Contents"]
    begins = {
        each["Key"]: client(store).get_object(Bucket="models", Key=each["Key"])["Body"].read(17) for each in found
    }
    clear = [key for key, begin in begins.items() if begin != b"SEQRANK-ENCRYPTED"]
    assert len(begins) > 5
    assert clear == [f"shop/{version}/manifest.json"]


def test_no_local_path_is_left_in_what_the_steps_say(first):
    for done in first.values():
        for artifact in done.outputs.values():
            assert artifact["uri"].startswith("s3://artifacts/runs/shop/")
            assert not any(str(value).startswith("/s3/") for value in artifact["metadata"].values())


def test_a_second_run_on_an_old_server_finds_the_first_ones_model(first, imitation, store, package, tmp_path_factory):
    package[0]["root"]["inputDefinitions"]["parameters"]["epochs"]["defaultValue"] = 9  # another model
    second = run(imitation, store, package, tmp_path_factory.mktemp("second"), old=True)
    compared = second["Evaluator"].outputs["blessing"]["metadata"]["baseline_model"]
    assert compared == first["Pusher"].outputs["pushed_model"]["metadata"]["pushed_destination"]


def test_a_gate_that_refuses_fails_its_step_with_its_words(imitation, store, package, data, tmp_path_factory):
    rows = data.read_text().splitlines()
    data.write_text("\n".join([*rows, *["u1,,soon"] * 100]) + "\n")
    with pytest.raises(imitation.StepFailedError, match="can't be used") as failed:
        run(imitation, store, package, tmp_path_factory.mktemp("refused"))
    assert str(failed.value).startswith("DataGate: exit status 1")
    assert "Next: " in str(failed.value).splitlines()[-1]
