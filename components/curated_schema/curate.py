"""Reads a curated schema and keeps the optional features that are configured."""

from __future__ import annotations

import importlib.resources
from typing import TYPE_CHECKING

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

_TYPES = tuple(f":{name}" for name, _ in schema_pb2.FeatureType.items())


def curate(schema_file: str, optional: Collection[str] = ()) -> schema_pb2.Schema:
    """The schema that the data are held against.

    Args:
        schema_file: name inside the folder `schemas`.
        optional: optional features that the data have. In the file they have no presence; here they get one, so that
            each example must have them. A name ending in `*` stands for every name that begins so; where several do,
            the type tells them apart, which is given behind a colon, such as "feature_price:FLOAT".
    Returns: the schema; optional features that aren't named are left out.
    Raises: ConfigError: there is no such file, or no such optional feature in it.
    """
    schema = _read(schema_file)
    templates = [feature for feature in schema.feature if not feature.HasField("presence")]
    required = [feature for feature in schema.feature if feature.HasField("presence")]
    del schema.feature[:]
    schema.feature.extend(required)
    for name in optional:
        schema.feature.append(_require(name, templates, schema_file))
    return schema


def _read(schema_file: str) -> schema_pb2.Schema:
    try:
        text = importlib.resources.files("schemas").joinpath(schema_file).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"there is no curated schema '{schema_file}'.", where="schemas") from error
    return text_format.Parse(text, schema_pb2.Schema())


def _require(optional: str, templates: list[schema_pb2.Feature], schema_file: str) -> schema_pb2.Feature:
    name, _, kind = optional.rpartition(":") if optional.endswith(_TYPES) else (optional, "", "")
    fitting = [
        template
        for template in templates
        if (template.name == name or (template.name.endswith("*") and name.startswith(template.name[:-1])))
        and kind in ("", schema_pb2.FeatureType.Name(template.type))
    ]
    if not fitting:
        raise ConfigError(
            f"there is no optional feature '{optional}'.",
            where=f"schemas/{schema_file}",
            why=f"it has {', '.join(t.name for t in templates) or 'none'}.",
            next_step="add the feature to the file, without a presence.",
        )
    feature = schema_pb2.Feature()
    feature.CopyFrom(min(fitting, key=lambda template: template.name.endswith("*")))
    feature.name = name
    feature.presence.min_fraction, feature.presence.min_count = 1.0, 1
    return feature
