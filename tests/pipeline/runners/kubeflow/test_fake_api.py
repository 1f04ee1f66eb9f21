"""The fake of Kubeflow's API refuses what isn't published, or its tests would prove nothing."""

import json
import urllib.error
import urllib.request

import pytest


@pytest.mark.parametrize("fields", [{"nonsense": 1}, {"runId": "r"}])
def test_a_field_that_is_not_published_cannot_be_sent(fake_api, fields):
    with pytest.raises(TypeError, match="unexpected keyword"):
        fake_api.wire("V2beta1Run", **fields)


def test_a_value_of_another_type_cannot_be_sent(fake_api):
    with pytest.raises(AssertionError, match="published otherwise"):
        fake_api.wire("V2beta1Run", run_id=3)
    with pytest.raises(AssertionError, match="no state"):
        fake_api.state("CANCELLED")


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/apis/v2beta1/pipeline", None, "GET /apis/v2beta1/pipeline is not published"),
        ("/apis/v2beta1/runs", {"display_name": "r", "runtime": {}}, "is no V2beta1Run"),
    ],
)
def test_what_is_asked_otherwise_than_published_fails_loudly(api, path, body, says):
    asked = urllib.request.Request(api.url + path, data=json.dumps(body).encode() if body else None)
    asked.add_header("Content-Type", "application/json")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(asked)
    assert caught.value.code == 501
    assert says in caught.value.read().decode()
