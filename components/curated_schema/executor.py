"""CuratedSchema's work: a Schema artifact from a file of ours."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.curated_schema.curate import curate

if TYPE_CHECKING:
    from tfx import types


class Executor(base_executor.BaseExecutor):
    """Writes schema.pbtxt."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the curated schema.

        Args:
            input_dict: nothing.
            output_dict: `schema`.
            exec_properties: `schema_file`, `optional` (a JSON list); `digest` and `code_version` only serve the cache.
        Raises: ConfigError: no such file, or no such optional feature in it.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        schema = curate(exec_properties["schema_file"], json.loads(exec_properties["optional"]))
        uri = artifact_utils.get_single_uri(output_dict["schema"])
        io_utils.write_pbtxt_file(os.path.join(uri, "schema.pbtxt"), schema)
