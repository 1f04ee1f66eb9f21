"""The curated schema of sequences against the names in schemas.features, and how TFT parses by it."""

from __future__ import annotations

import pathlib

import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils

import schemas
from schemas import features as f

ONE_VALUE = {f.USER_ID, f.LOSS_FROM, f.HISTORY_LENGTH, f.LABEL_POPULARITY, f.LABEL_REPEATS}
MANY_VALUES = {f.HISTORY, f.HISTORY_TIED, f.HISTORY_TIMESTAMP, f.LABEL, f.LABEL_TIMESTAMP, f.SEEN}
OPTIONAL = {
    *(f.LABEL_RATING, f.LABEL_WEIGHT, f.LEARN_FROM),
    *(f.HISTORY_CONTEXT_PREFIX + "*", f.USER_FEATURE_PREFIX + "*"),
}


def _schema() -> schema_pb2.Schema:
    text = pathlib.Path(schemas.__file__).with_name("sequences.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, schema_pb2.Schema())


def test_features_of_one_value_are_parsed_dense_and_the_others_sparse():
    spec = schema_utils.schema_as_feature_spec(_schema()).feature_spec
    assert {name for name, of in spec.items() if isinstance(of, tf.io.FixedLenFeature)} == ONE_VALUE
    assert {name for name, of in spec.items() if isinstance(of, tf.io.VarLenFeature)} == MANY_VALUES | OPTIONAL
    assert all(spec[name].shape == [1] for name in ONE_VALUE)


def test_only_optional_features_have_no_presence():
    assert {feature.name for feature in _schema().feature if not feature.HasField("presence")} == OPTIONAL
