"""What deploy/serving says, in the servers' own terms."""

import json
import pathlib

import pytest
import yaml
from google.protobuf import text_format

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVING = ROOT / "deploy" / "serving"


@pytest.fixture(scope="module")
def settings():
    config_map = next(iter(yaml.safe_load_all((SERVING / "tensorflow-serving.yaml").read_text())))
    return config_map["data"]


def test_the_models_setting_is_tensorflow_servings(settings):
    from tensorflow_serving.config import model_server_config_pb2

    parsed = text_format.Parse(settings["models.config"], model_server_config_pb2.ModelServerConfig())
    assert parsed.model_config_list.config[0].base_path == "s3://models/shop"


def test_the_batching_setting_names_fields_that_it_has(settings):
    # tensorflow_serving/servables/tensorflow/session_bundle_config.proto, which the package doesn't bring
    known = {"max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads", "thread_pool_name",
             "allowed_batch_sizes", "pad_variable_length_inputs"}  # fmt: skip
    named = {line.split("{")[0].split(":")[0].strip() for line in settings["batching.config"].splitlines() if line}
    assert named <= known


def test_our_own_servers_options_are_options():
    from serving.options import Options

    deployment = next(iter(yaml.safe_load_all((SERVING / "seqrank.yaml").read_text())))
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    options = Options.model_validate(json.loads(container["args"][-1]))
    assert container["command"] == ["python", "-m", "serving"]
    assert options.port == container["ports"][0]["containerPort"]
    assert pod["terminationGracePeriodSeconds"] > options.drain_seconds + options.finish_seconds
    from serving.events.records import KEY_VARIABLE
    from serving.events.stores import PASSWORD_VARIABLE
    from serving.server import TOKEN_VARIABLE

    assert {KEY_VARIABLE, PASSWORD_VARIABLE, TOKEN_VARIABLE} <= {each["name"] for each in container["env"]}


def test_kserve_serves_the_folder_that_pusher_writes():
    service = yaml.safe_load((SERVING / "kserve.yaml").read_text())
    assert service["kind"] == "InferenceService"
    assert service["spec"]["predictor"]["model"]["storageUri"] == "s3://models/shop"
