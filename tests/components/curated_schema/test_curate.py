import json

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts

from components.curated_schema.component import CuratedSchema
from components.curated_schema.curate import curate
from components.curated_schema.executor import Executor
from schemas import features as f
from schemas.errors import ConfigError

ALWAYS = {f.USER_ID, f.ITEM_ID, f.TIMESTAMP, f.TIE}


def test_optional_features_are_left_out_unless_they_are_named():
    assert {feature.name for feature in curate("interactions.pbtxt").feature} == ALWAYS


def test_named_features_are_required_in_every_row():
    schema = curate("interactions.pbtxt", [f.RATING, f.WEIGHT, f.ORDER, "context_device", "context_page"])
    assert {feature.name for feature in schema.feature} - ALWAYS == {
        f.RATING, f.WEIGHT, f.ORDER, "context_device", "context_page",
    }  # fmt: skip
    assert all(feature.presence.min_fraction == 1.0 for feature in schema.feature)
    assert all((feature.value_count.min, feature.value_count.max) == (1, 1) for feature in schema.feature)


def test_unknown_optional_feature_is_refused_with_what_there_is():
    with pytest.raises(ConfigError, match="no optional feature 'colour'") as error:
        curate("interactions.pbtxt", ["colour"])
    assert "rating" in error.value.why


def test_unknown_schema_is_refused():
    with pytest.raises(ConfigError, match=r"no curated schema 'nothing\.pbtxt'"):
        curate("nothing.pbtxt")


def test_executor_writes_the_schema_where_tfx_looks_for_it(tmp_path):
    artifact = standard_artifacts.Schema()
    artifact.uri = str(tmp_path)
    properties = {
        "schema_file": "interactions.pbtxt",
        "optional": json.dumps([f.RATING]),
        "digest": "d",
        "code_version": "c",
    }
    Executor().Do({}, {"schema": [artifact]}, properties)
    (written,) = tmp_path.iterdir()
    assert written.name == "schema.pbtxt"
    assert text_format.Parse(written.read_text(), schema_pb2.Schema()) == curate("interactions.pbtxt", [f.RATING])


def test_edited_file_changes_a_property_of_the_stage():
    one, other = (CuratedSchema("interactions.pbtxt", digest=digest, code_version="c") for digest in ("1", "2"))
    assert one.exec_properties != other.exec_properties
