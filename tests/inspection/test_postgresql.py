"""No backslash reaches PostgreSQL, and each comes back; rows have an order. (services.py: on a real server.)"""

import contextlib

import ml_metadata
import pytest
from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2 as pb
from ml_metadata.proto import metadata_store_service_pb2 as service

from inspection import postgresql
from inspection.postgresql import BACKSLASH, SUBSTITUTE

VALUES = ("plain", 'a"b', "a\\b", "\\", "\\\\n", "ä\\€")


@pytest.fixture
def request_():
    """One with strings in fields, in lists, in maps, in keys, in structures and below them."""
    message = service.PutArtifactsRequest()
    for value in VALUES:
        artifact = message.artifacts.add(uri=f"/{value}", name=value)
        artifact.custom_properties[f"key {value}"].string_value = value
        artifact.custom_properties["struct"].struct_value.fields[value].list_value.values.add().string_value = value
        artifact.custom_properties["number"].int_value = ord(BACKSLASH)
    message.update_mask.paths.append("a\\b")
    return message


def test_backslashes_go_and_come_back_wherever_a_string_is(request_):
    before = request_.SerializeToString(deterministic=True)
    postgresql.replace(request_, BACKSLASH, SUBSTITUTE)
    assert not any(BACKSLASH in text for text in _strings(json_format.MessageToDict(request_)))
    assert request_.artifacts[2].custom_properties[f"key a{SUBSTITUTE}b"].string_value == f"a{SUBSTITUTE}b"
    postgresql.replace(request_, SUBSTITUTE, BACKSLASH)
    assert request_.SerializeToString(deterministic=True) == before


def _strings(value):
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in _strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in _strings(each)]
    return [value] if isinstance(value, str) else []


def test_a_client_leaves_what_it_is_given_as_it_was(tmp_path):
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "m.sqlite")
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    ours, theirs = postgresql.Client(config), ml_metadata.MetadataStore(config)
    artifact = pb.Artifact(type_id=ours.put_artifact_type(pb.ArtifactType(name="t")), uri="/a\\b")
    (number,) = ours.put_artifacts([artifact])
    assert artifact.uri == "/a\\b"
    assert ours.get_artifacts_by_id([number])[0].uri == "/a\\b"
    assert [each.id for each in ours.get_artifacts_by_uri("/a\\b")] == [number]
    assert theirs.get_artifacts_by_id([number])[0].uri == f"/a{SUBSTITUTE}b"


def test_rows_are_in_the_order_of_their_ids():
    answer = service.GetArtifactsByIDResponse()
    for number in (1, 4, 5, 2, 3):
        answer.artifacts.add(id=number, uri=f"/{number}")
    answer.artifact_types.add(id=9)
    answer.artifact_types.add(id=7)
    postgresql.sort(answer)
    assert [(each.id, each.uri) for each in answer.artifacts] == [(n, f"/{n}") for n in range(1, 6)]
    assert [each.id for each in answer.artifact_types] == [9, 7]


def test_everybody_makes_the_client_within_the_block_alone():
    before = ml_metadata.MetadataStore
    with contextlib.suppress(ZeroDivisionError), postgresql.everywhere():
        assert ml_metadata.MetadataStore is postgresql.Client
        raise ZeroDivisionError
    assert ml_metadata.MetadataStore is before
