"""Declaration of CuratedSchema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.curated_schema.executor import Executor

if TYPE_CHECKING:
    from collections.abc import Sequence


class CuratedSchemaSpec(component_spec.ComponentSpec):
    """One output; the file's name and digest are properties."""

    PARAMETERS = {  # noqa: RUF012 (TFX's form)
        "schema_file": component_spec.ExecutionParameter(type=str),
        "optional": component_spec.ExecutionParameter(type=str),
        "digest": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}  # noqa: RUF012
    OUTPUTS = {"schema": component_spec.ChannelParameter(type=standard_artifacts.Schema)}  # noqa: RUF012


class CuratedSchema(base_component.BaseComponent):
    """A schema that people keep in the repository, instead of one inferred from the data that it should judge.

    TFX's ImportSchemaGen has the path as its property, so an edited schema would come from the cache for ever.
    """

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, schema_file: str, digest: str, code_version: str, optional: Sequence[str] = ()) -> None:
        """Declares the stage; give each of several its own `.with_id`.

        Args:
            schema_file: name inside the folder `schemas`, such as "interactions.pbtxt".
            digest: of that file's content, so that the cache sees an edit.
            code_version: of the stage's code.
            optional: optional features that the data have, such as "rating" or "context_device".
        """
        super().__init__(
            CuratedSchemaSpec(
                schema_file=schema_file,
                optional=json.dumps(list(optional)),
                digest=digest,
                code_version=code_version,
                schema=types.Channel(type=standard_artifacts.Schema),
            )
        )
