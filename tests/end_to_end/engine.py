"""Every Beam stage of the chain on Prism, the workers apart from the submitting side. `make test-engine`: many minutes.

Flink, Spark and Dataflow can't run here; Prism speaks the same protocol, but isn't distributed. The workers see an
object store and a volume, nothing else of this side: tests/pipeline/runners/beam/engine.py says how.
"""

import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import apache_beam as beam
import boto3
import numpy as np
import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions
from moto.server import ThreadedMotoServer

from benchmarks import stages
from components.example_gen import inputs
from pipeline.datasets import movielens
from pipeline.datasets.synthesize import synthesize
from pipeline.runners import failure
from pipeline.runners.beam.check import check
from pipeline.runners.beam.options import BeamOptions
from schemas import features
from schemas.errors import ModelError

ROOT = pathlib.Path(__file__).resolve().parents[2]
STAGES = ["InteractionExampleGen", "StatisticsGen", "SequenceGen", "Transform", "Evaluator"]
LIMIT = 20_000  # training windows that Transform and Evaluator get, about
MADE = 1_000_000
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
_PATIENCE = 600  # seconds for a stage, on a busy machine
_TRIES, _SLOW = 3, "didn't get control connection"


def _module(name):
    path = ROOT / "tests" / "pipeline" / "runners" / "beam" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


engine, same = _module("engine"), _module("same")

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="a root of their own for workers needs root"),
    pytest.mark.skipif(
        not all((engine.SERVICES / name).exists() for name in ("prism", "boot")),
        reason="needs Prism and Beam's boot program: make setup-services",
    ),
]


@pytest.fixture(scope="module")
def store():
    """An S3 server; its keys are in the environment."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    told = {**KEYS, "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port())}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="artifacts")
        yield told
    server.stop()


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """What this side and the workers see, at the same path."""
    return tmp_path_factory.mktemp("volume")


@pytest.fixture(scope="module")
def servers(tmp_path_factory, volume, store):
    """The folder of the logs, and run.beam with workers in a root of their own."""
    folder = tmp_path_factory.mktemp("servers")
    (folder / "pool").mkdir()
    with engine.prism(folder) as endpoint, engine.pool(folder / "pool", volume, store) as pool:
        told = {"runner": "PortableRunner", "job_endpoint": endpoint}
        yield folder, BeamOptions(**told, environment_type="EXTERNAL", environment_config=pool)


@pytest.fixture(scope="module", params=["movielens-100k", f"made-{MADE}"])
def log(request, volume):
    """A folder on the volume with a log, and all that FnApiRunner makes of it."""
    folder = volume / request.param
    folder.mkdir()
    if request.param.startswith("movielens"):
        shutil.copyfile(movielens.ensure(), folder / "log.csv")
    else:
        synthesize(folder / "log.csv", MADE, MADE // stages.ROWS_A_USER, stages.ITEMS, repeats=True)
    return folder


@pytest.fixture(scope="module")
def plain(log):
    """stage -> its counters, and the folder: under FnApiRunner."""
    return _run(log, log / "plain", BeamOptions()), log / "plain"


def _run(log, folder, options, names=STAGES, like=None):
    """Runs stages; gives each one's counters."""
    check(options)
    folder.mkdir()
    (folder / "log.csv").symlink_to(log / "log.csv")
    if like:
        shutil.copyfile(like / "model.json", folder / "model.json")  # the same model is judged
    place, counted = stages.Place(folder, MADE, LIMIT, beam=options.arguments()), {}
    for name in names:
        counted[name] = _stage(place, name)
    return counted


def _stage(place, name):
    """Runs one stage; gives its counters. Anew where a busy machine couldn't start a worker in Prism's one minute."""
    for _ in range(_TRIES):
        place.done.clear()
        try:
            stages.STAGES[name](place)()
        except Exception as error:
            if _SLOW not in str(error):
                raise
        else:
            return same.counters(place.done)
    raise AssertionError(f"no worker came to {name} within a minute, {_TRIES} times")


def test_workers_see_no_file_and_no_variable_of_this_side(servers, volume, tmp_path):
    _, options = servers
    inputs.set_here = True  # a module's variable, which a worker has to be told
    paths = [str(path) for path in (volume, tmp_path, ROOT / "pipeline", ROOT / "Makefile", f"{engine.CODE}/pipeline")]
    out = str(volume / "seen.txt")
    with beam.Pipeline(options=PipelineOptions(options.arguments())) as pipeline:
        seen = pipeline | beam.Create(paths) | beam.Map(lambda path: (path, os.path.exists(path)))
        module = pipeline | "One" >> beam.Create([0]) | beam.Map(lambda _: ("variable", hasattr(inputs, "set_here")))
        _ = (seen, module) | beam.Flatten() | beam.combiners.ToDict() | "Out" >> beam.Map(_write, out)
    told = yaml.safe_load(pathlib.Path(out).read_text())
    assert [told[path] for path in paths] == [True, False, False, False, True]
    assert not told["variable"]


_write = lambda told, path: open(path, "w").write(yaml.safe_dump(told))  # noqa: E731, SIM115 - sent by value


def test_every_stage_makes_the_same_records_and_counts_as_on_fn_api_runner(servers, log, plain):
    _, options = servers
    expected, folder = plain
    counted = _run(log, log / "engine", options, like=folder)
    same.assert_same(log / "engine", folder)
    same.assert_same_counts(counted, expected)
    assert counted["InteractionExampleGen"]["seqrank:usable_rows"] in (100_000, MADE)
    assert counted["SequenceGen"]["seqrank:sequences_train"] > 1_000


def test_code_that_a_job_brings_is_all_of_ours_that_workers_need(servers, log, volume, store, tmp_path):
    if not log.name.startswith("movielens"):
        pytest.skip("once is enough")
    _, options = servers
    with engine.pool(tmp_path, volume, store, code=False) as pool:
        lacking = options.model_copy(update={"environment_config": pool})
        with pytest.raises(Exception, match="No module named 'components'"):
            _run(log, log / "lacking", lacking, names=STAGES[:1])
        bringing = lacking.model_copy(update={"ship_code": True})
        counted = _run(log, log / "bringing", bringing, names=STAGES[:1])
    assert counted[STAGES[0]]["seqrank:usable_rows"] == 100_000


@pytest.mark.parametrize("kind", ["LOOPBACK", "PROCESS"])
def test_workers_that_the_engine_starts_on_this_machine_make_the_same(servers, log, plain, kind, tmp_path):
    if not log.name.startswith("movielens"):
        pytest.skip("once is enough")
    _, options = servers
    _, folder = plain
    told = options.model_dump() | {"environment_type": kind, "environment_config": None}
    if kind == "PROCESS":
        told["environment_config"] = {"command": str(engine.boot_script(tmp_path))}
    counted = _run(log, log / kind, BeamOptions(**told), like=folder)
    same.assert_same(log / kind, folder)
    same.assert_same_counts(counted, plain[0])


def test_stages_read_and_write_an_object_store_that_alone_is_shared(servers, log, plain, tmp_path):
    _, options = servers
    expected, folder = plain
    place = _Stored(tmp_path, options, f"s3://artifacts/{log.name}")
    bucket = boto3.resource("s3").Bucket("artifacts")
    bucket.upload_file(str(log / "log.csv"), f"{log.name}/log.csv")
    counted = {}
    for name in ("InteractionExampleGen", "SequenceGen"):  # the rest are TFX's, whose file systems have no s3://
        counted[name] = _stage(place, name)
    same.assert_same_counts(counted, expected)
    for found in bucket.objects.filter(Prefix=f"{log.name}/"):
        target = tmp_path / "copy" / found.key
        target.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(found.key, str(target))
    copy = tmp_path / "copy" / log.name
    assert same.rows(copy / "examples" / "Split-all").equals(same.rows(folder / "examples" / "Split-all"))
    for split in features.SEQUENCE_SPLITS:
        there, here = (same.examples(root / "sequences" / f"Split-{split}") for root in (copy, folder))
        assert there == here


class _Stored(stages.Place):
    """A place whose artifacts are in the object store."""

    def __init__(self, folder, options, root):
        super().__init__(folder, MADE, LIMIT, beam=options.arguments())
        self.root, self.log = root, f"{root}/log.csv"

    def new(self, kind, name):
        artifact = kind()
        artifact.uri = f"{self.root}/{name}"
        return artifact


def test_a_path_that_the_workers_do_not_have_fails_the_stage(servers, log, tmp_path):
    _, options = servers
    with pytest.raises(Exception, match=r"log\.csv|No such file|FileNotFound"):
        _run(log, tmp_path / "here", options, names=["InteractionExampleGen"])


def test_what_a_worker_raises_reaches_a_person_in_our_words(servers, volume, log, plain):
    _, options = servers
    _, made = plain
    folder = volume / f"broken-{log.name}"
    shutil.copytree(made, folder, symlinks=True)
    place = stages.Place(folder, MADE, LIMIT, beam=options.arguments())
    model = place.get("model")
    shutil.copytree(model.uri, folder / "wordless", dirs_exist_ok=True)
    _take_signatures(folder / "wordless" / "Format-Serving")
    model.uri = str(folder / "wordless")
    place.keep("model", model)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever Beam wraps it in
        _stage(place, "Evaluator")
    known = failure.plain(caught.value)
    assert isinstance(known, ModelError)
    assert known.where == str(folder / "wordless" / "Format-Serving") or "Format-Serving" in str(known)
    assert "has no signature 'evaluate'" in str(known)
    assert "Traceback" not in str(known)


def _take_signatures(folder):
    import tensorflow as tf

    shutil.rmtree(folder)
    tf.saved_model.save(tf.Module(), str(folder))


@pytest.fixture(scope="module")
def planted(volume):
    """A small log in which each item is followed by the next one of a ring."""
    users, items, events = 150, 60, 20
    begin = np.random.default_rng(0).integers(items, size=users)
    table = (begin[:, None] + np.arange(events)) % items
    lines = [f"u{user},i{item},{86_400 * step}" for user, row in enumerate(table) for step, item in enumerate(row)]
    path = volume / "planted.csv"
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(lines) + "\n")
    return path


def test_a_killed_worker_fails_its_stage_and_the_next_run_repeats_that_stage(servers, volume, planted):
    folder, options = servers
    root = volume / "runs"
    command = [sys.executable, "-m", "pipeline.cli", "run", "--data", str(planted), "--output", str(root)]
    told = options.model_dump(exclude_none=True, exclude_defaults=True)
    knobs = [
        "trainer.epochs=3",
        "trainer.model.architecture.units=32",
        f"run.beam={yaml.safe_dump(told, default_flow_style=True).strip()}",
    ]
    command += [word for knob in knobs for word in ("--set", knob)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    engine.until(lambda: any((root / "artifacts" / "Transform").glob("*/*")), process, _PATIENCE)
    began = engine.connected(folder)
    engine.until(lambda: engine.connected(folder) > began, process, _PATIENCE)
    for worker in engine.workers(folder):
        os.kill(worker, signal.SIGKILL)
    printed, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 1, printed
    assert "Transform: Failed unexpectedly." in printed
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=3 * _PATIENCE)
    assert again.returncode in (0, 3), again.stdout + again.stderr  # 3: not blessed, after so little training
    shown = {line.split()[0]: line for line in again.stdout.splitlines() if line.startswith("  ") and line.split()}
    assert "from the cache" in shown["SequenceGen"]
    assert "from the cache" not in shown["Transform"]
    assert "from the cache" not in shown["Evaluator"]
