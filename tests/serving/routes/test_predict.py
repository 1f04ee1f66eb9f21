"""TensorFlow Serving's REST API, as its documentation has it."""

import base64

import numpy as np
import pytest
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

PREDICT = "/v1/models/model:predict"
ROW = {"history": ["i1", "i2"], "timestamps": [0, 0], "user_id": "", "exclude": []}


def test_rows_and_columns_answer_alike(shared, rankers):
    expected = rankers["first"].recommend([["i1", "i2"]])
    rows = shared.post(PREDICT, json={"signature_name": "recommend", "instances": [ROW]}).json()["predictions"]
    assert rows[0]["item_ids"] == expected.item_ids[0].tolist()
    columns = {name: [value] for name, value in ROW.items()}
    outputs = shared.post(PREDICT, json={"signature_name": "recommend", "inputs": columns}).json()["outputs"]
    assert outputs["item_ids"] == [rows[0]["item_ids"]]
    np.testing.assert_allclose(outputs["scores"], expected.scores, rtol=1e-5)


def test_bytes_come_as_base64_and_one_input_needs_no_name(shared, rankers):
    import tensorflow as tf

    lists = {"history": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"i1", b"i2"]))}
    lists["history_timestamp"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[0, 0]))
    example = tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString()
    body = {"instances": [{"b64": base64.b64encode(example).decode()}]}
    answer = shared.post(PREDICT, json=body)
    assert answer.json()["predictions"][0]["item_ids"] == rankers["first"].serve([example]).item_ids[0].tolist()


def test_one_output_needs_no_name_either(shared, rankers):
    state = rankers["first"].initial_state(1)
    row = {"state": state[0].tolist(), "item": "i1", "timestamp": 0}
    answer = shared.post(PREDICT, json={"signature_name": "step", "instances": [row]}).json()
    np.testing.assert_allclose(answer["predictions"], rankers["first"].step(state, ["i1"]), rtol=1e-5)


def test_status_and_metadata_are_tensorflow_servings_messages(shared):
    from google.protobuf import json_format

    status = shared.get("/v1/models/model").json()
    parsed = json_format.ParseDict(status, get_model_status_pb2.GetModelStatusResponse())
    assert parsed.model_version_status[0].version == 7
    assert parsed.model_version_status[0].state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert shared.get("/v1/models/model/versions/7").json() == status
    metadata = shared.get("/v1/models/model/metadata").json()
    signatures = metadata["metadata"]["signature_def"]
    parsed = json_format.ParseDict(signatures, get_model_metadata_pb2.SignatureDefMap())
    assert {"recommend", "serving_default", "step", "rank"} <= set(parsed.signature_def)
    assert parsed.signature_def["recommend"].inputs["history"].dtype == 7  # DT_STRING
    assert parsed.signature_def["step"].outputs["state"].dtype == 1  # DT_FLOAT


@pytest.mark.parametrize("path", ["/v1/models/other", "/v1/models/model/versions/8", "/v1/models/model/versions/x"])
def test_other_models_and_versions_are_not_there(shared, path):
    assert shared.get(path).status_code == 404
    assert shared.post(f"{path}:predict", json={"instances": [ROW]}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"instances": []},
        {"instances": [ROW], "inputs": {}},
        {"instances": [1]},
        {"instances": [{**ROW, "history": [1]}]},
        {"instances": [{**ROW, "history": [["i1"]]}]},
        {"instances": [ROW, {**ROW, "history": ["i1"]}]},
        {"instances": [{**ROW, "timestamps": [2**70, 0]}]},
        {"instances": [{**ROW, "timestamps": [0.5, 0]}]},
        {"instances": [{"history": []}]},
        {"instances": [ROW] * 9},
        {"instances": [{**ROW, "history": ["i1"] * 51, "timestamps": [0] * 51}]},
        {"inputs": {**ROW}},
        {"inputs": {name: [value, value] if name == "user_id" else [value] for name, value in ROW.items()}},
    ],
)
def test_what_does_not_fit_the_signature_is_a_400_that_says_why(shared, body):
    if isinstance(body, dict):
        body = {"signature_name": "recommend", **body}
    answer = shared.post(PREDICT, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_histories_and_times_of_different_lengths_are_a_400(shared):
    row = {**ROW, "timestamps": [0]}
    assert shared.post(PREDICT, json={"signature_name": "recommend", "instances": [row]}).status_code == 400


UNKNOWN = b'{"signature_name": "nothing", "instances": [1]}'
NO_BASE64, NO_EXAMPLE = (b'{"instances": [{"b64": "%s"}]}' % text for text in (b"???", b"AAAA"))


@pytest.mark.parametrize("content", [b"{", b"[" * 5000, b"\xff", UNKNOWN, NO_BASE64, NO_EXAMPLE])
def test_broken_bodies_are_a_400(shared, content):
    assert shared.post(PREDICT, content=content).status_code == 400


def test_numbers_that_are_none_do_not_reach_the_model(shared, rankers):
    width = rankers["first"].initial_state(1).shape[1]
    content = (
        b'{"signature_name": "rank", "instances": [{"exclude": [], "state": [' + b"NaN," * (width - 1) + b"NaN]}]}"
    )
    assert shared.post(PREDICT, content=content).status_code == 400
