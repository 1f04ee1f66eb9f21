"""The Dockerfile's own steps in a Debian 13 folder, and the chain in what comes of them. `make test-image`: minutes.

No engine is needed (tests/image/root.py says how). Then the image's commands run as Kubeflow starts them: some user,
no capabilities, empty folders over the image's. The compiled package comes from the image, and its steps run in it,
with only an S3 server between them (tests/pipeline/runners/kubeflow/imitation.py).
"""

import importlib.util
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import boto3
import numpy as np
import pytest
import yaml
from moto.server import ThreadedMotoServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEBIAN = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "seqrank" / "debian13"
BOOT = ROOT / ".services" / "boot"
USER, COMMIT = 12345, "0123abc"
USERS, ITEMS, EVENTS = 150, 60, 20
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="a root folder can be made and entered by root alone"),
]


def load(*path):
    """A helper among the tests, which are no package."""
    file = ROOT.joinpath("tests", *path)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """What the Dockerfile's stages are, by name."""
    if not DEBIAN.is_dir():
        made = subprocess.run(["bash", ROOT / "scripts" / "debian13.sh", "true"], capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"no Debian 13 folder: {made.stderr.strip()}")
    folder = tmp_path_factory.mktemp("image")
    beams, targets = {}, ["seqrank"]
    if BOOT.is_file():  # stands for Beam's own image, of which ours takes this file alone
        place = tmp_path_factory.mktemp("beam") / "opt" / "apache" / "beam"
        place.mkdir(parents=True)
        shutil.copy(BOOT, place)
        (name,) = re.findall(r"--from=(apache/beam\S+)", (ROOT / "Dockerfile").read_text())
        beams, targets = {name: place.parents[2]}, ["seqrank", "beam-worker"]
    arguments = {"GPU": os.environ.get("GPU") or "0", "COMMIT": COMMIT}
    root, reader = load("image", "root.py"), load("image", "reader.py")
    yield root.perform(reader, ROOT, DEBIAN, folder, arguments, beams, *targets)
    subprocess.run(["rm", "-rf", folder], check=True)  # 4 GB, in a minute or more


@pytest.fixture(scope="module")
def image(images):
    return images["seqrank"]


def said(image, *words, user=USER, **more):
    """What a command in the image says; it has to succeed."""
    done = image.as_user(list(words), user, {}, **more)
    assert done.returncode == 0, done.stdout
    return done.stdout


def python(image, code):
    return json.loads(said(image, "python", "-c", f"import json; {code}").splitlines()[-1])


def test_doctor_finds_the_newer_stack_and_nothing_to_mend(image):
    text = said(image, "seqrank", "doctor")
    assert "the newer stack" in text
    assert "takes the fast path" in text or "GPUs" in text


def test_the_images_own_command_shows_what_seqrank_can(image):
    assert image.user == "10001:0"
    assert "Usage: seqrank" in said(image, *image.command)


def test_the_interpreter_that_the_options_name_is_the_environments(image):
    from pipeline.runners.kubeflow.options import KubeflowOptions

    found = said(
        image, KubeflowOptions().python, "-c", "import sys, pipeline; print(sys.executable, pipeline.__file__)"
    )
    assert found.split() == ["/opt/seqrank/.venv/bin/python", "/opt/seqrank/pipeline/__init__.py"]


def test_every_file_can_be_read_by_anybody_and_none_be_written(image):
    assert said(image, "find", "/opt/seqrank", "!", "-readable") == ""
    assert said(image, "find", "/opt/seqrank", "-type", "d", "-writable") == ""


def test_bytecode_lies_beside_the_code(image):
    code = "import os, schemas.errors, yaml; "
    code += "print(json.dumps([os.path.exists(module.__cached__) for module in (schemas.errors, yaml)]))"
    assert python(image, code) == [True, True]


def test_commit_and_code_versions_are_known_without_git(image):
    code = "from pipeline import machine, config, code_version; "
    code += "versions = code_version.stage_versions(config.load(None, ['example_gen.data=[a.csv]'])); "
    commit, versions = python(image, code + "print(json.dumps([machine.git_commit(), len(versions)]))")
    assert commit == COMMIT
    assert versions > 8


def test_the_entry_point_of_a_step_answers(image):
    assert "--executor_class_path" in said(image, "python", "-m", "pipeline.runners.kubeflow.entrypoint", "--help")


PIPELINE = """
import os
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to
here = os.getpid()
told = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=EXTERNAL", "--environment_config={}"]
with beam.Pipeline(options=PipelineOptions(told)) as pipeline:
    elsewhere = pipeline | beam.Create([1, 2]) | beam.Map(lambda each: os.getpid() != here)
    assert_that(elsewhere, equal_to([True, True]))
"""


def works(image, tmp_path, command, user=USER):
    """Starts a pool of workers, and has a pipeline's work done by them; its engine runs in the pipeline's process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [word.replace("50000", str(port)) for word in command]
    with open(tmp_path / "log", "wb") as log:
        pool = subprocess.Popen(image.dropped(words, user), env=image.env, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 120
        while "Listening for workers" not in (tmp_path / "log").read_text() and time.monotonic() < until:
            assert pool.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.5)
        said(image, "python", "-c", PIPELINE.format(f"localhost:{port}"), user=user)
    finally:
        pool.terminate()
        pool.wait(30)
    return (tmp_path / "log").read_text()


def workers():
    """The command of the pool beside Flink's task managers."""
    manifest = yaml.safe_load((ROOT / "deploy" / "flink" / "cluster.yaml").read_text())
    containers = manifest["spec"]["taskManager"]["podTemplate"]["spec"]["containers"]
    return next(each["command"] for each in containers if each["name"] == "beam-workers")


def test_the_workers_of_the_flink_manifest_take_work_from_an_engine(image, tmp_path):
    works(image, tmp_path, workers())


@pytest.mark.skipif(not BOOT.is_file(), reason="Beam's boot program isn't built in .services/")
@pytest.mark.timeout(300)  # an engine in the pipeline's process doesn't notice that a worker is gone
def test_beams_boot_program_starts_workers_in_the_environment(images, tmp_path):
    image = images["beam-worker"]
    named = int(image.user.split(":")[0])  # it panics for a user without a name
    log = works(image, tmp_path, [*workers(), f"--container_executable={image.command[0]}"], named)
    assert "boot" in log, log


@pytest.fixture(scope="module")
def store():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test",
                          aws_secret_access_key="test")  # fmt: skip
    for bucket in ("artifacts", "models"):
        client.create_bucket(Bucket=bucket)
    yield url
    server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A log in which each item is followed by the next one of a ring, and a configuration; the user may write there."""
    path = tmp_path_factory.mktemp("shop")
    begin = np.random.default_rng(0).integers(ITEMS, size=USERS)
    items = (begin[:, None] + np.arange(EVENTS)) % ITEMS
    lines = [f"u{user},i{item},{86_400 * step}" for user, row in enumerate(items) for step, item in enumerate(row)]
    (path / "planted.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(lines) + "\n")
    trainer = {"epochs": 8, "learning_rate": 0.01, "model": {"architecture": {"units": 32}}}
    (path / "shop.yaml").write_text(
        yaml.safe_dump(
            {
                "run": {"name": "shop"},
                "example_gen": {"data": [f"{path}/planted.csv"]},
                "trainer": trainer,
                "pusher": {"target": "s3://models/shop"},
                "kubeflow": {"volumes": [{"claim": "logs", "path": str(path)}]},
            }
        )
    )
    os.chown(path, USER, USER)
    return path


@pytest.fixture(scope="module")
def package(image, folder):
    file = f"{folder}/pipeline.yaml"
    said(image, "seqrank", "compile", "--config", f"{folder}/shop.yaml", "--output", file, binds={str(folder): folder})
    return list(yaml.safe_load_all(pathlib.Path(file).read_text()))


def test_the_whole_chain_runs_in_the_image_to_a_pushed_model(image, package, folder, store, tmp_path):
    imitation = load("pipeline", "runners", "kubeflow", "imitation.py")

    class InImage(imitation.Imitation):
        """Runs each step's command in the image, not on this machine."""

        def _command(self, container, told, disk):
            words = [word.replace("{{$}}", json.dumps(told)) for word in [*container["command"], *container["args"]]]
            env = {**self.env, **{each["name"]: each["value"] for each in container["env"]}}
            binds = {"/s3": disk / "s3", "/tmp/kfp_outputs": disk / "kfp_outputs", str(folder): folder}
            for path in (disk, *disk.rglob("*")):  # the launcher is the same user
                os.chown(path, USER, USER)
            done = image.as_user(words, USER, env, binds)
            return done.stdout, done.returncode

    server = InImage(store, "s3://artifacts/runs", tmp_path, ROOT, {**KEYS, "AWS_ENDPOINT_URL": store})
    done = server.run(package)
    assert done["Evaluator"].outputs["blessing"]["metadata"]["blessed"] == 1
    assert done["Pusher"].outputs["pushed_model"]["metadata"]["pushed"] == 1
