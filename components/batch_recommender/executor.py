"""The stage's work: interactions and the published model in, lists for every user out."""

from __future__ import annotations

import json
import logging
import posixpath
from typing import TYPE_CHECKING, Any, Final

from apache_beam.io.filesystems import FileSystems
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components.batch_recommender.flow import Plan, build
from components.batch_recommender.histories import Form
from components.batch_recommender.options import Options
from schemas.buckets import number_of_buckets
from schemas.logs import number_of_rows, parquet_files, rows_of

if TYPE_CHECKING:
    from tfx.types import Artifact

_log = logging.getLogger(__name__)
_PREFIX: Final = "recommendations"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Recommends for every user of the log."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the stage. Where no model was published there are no lists, and that is no error.

        Args:
            input_dict: examples: interactions, payload Parquet, split "all"; pushed_model.
            output_dict: recommendations: schemas.artifacts.Recommendations.
            exec_properties: options, histories (repeats, session_gap): JSON; code_version.
        """
        options = Options.model_validate_json(exec_properties["options"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        made = artifact_utils.get_single_instance(output_dict["recommendations"])
        model = pushed.get_string_custom_property("pushed_destination")
        made.k, made.users = options.k, 0
        made.set_string_custom_property("model", model)
        if not model:
            _log.warning("BatchRecommender: no model was published, so there are no lists.")
            return
        files, prefix = parquet_files(examples), posixpath.join(made.uri, _PREFIX)
        plan = Plan(
            files=files,
            model=model,
            options=options,
            form=Form(**json.loads(exec_properties["histories"])),
            buckets=options.buckets or number_of_buckets(number_of_rows(examples, files)),
            prefix=prefix,
        )
        with self._make_beam_pipeline() as pipeline:
            build(pipeline, plan)
        (written,) = FileSystems.match([f"{prefix}*.parquet"])
        made.users = sum(rows_of(file.path) for file in written.metadata_list)
        _log.info("BatchRecommender: %d items for each of %d users, of %s.", options.k, made.users, model)
