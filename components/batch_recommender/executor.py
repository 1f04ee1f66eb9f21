"""The stage's work: interactions and the published model in, lists for every user out."""

from __future__ import annotations

import json
import logging
import posixpath
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components.batch_recommender.flow import Plan, build
from components.batch_recommender.histories import Form
from components.batch_recommender.options import Options
from schemas import features as f
from schemas.buckets import number_of_buckets

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
        pattern = posixpath.join(artifact_utils.get_split_uri([examples], f.ALL), "*")
        plan = Plan(
            files=_match(pattern),
            model=model,
            options=options,
            form=Form(**json.loads(exec_properties["histories"])),
            buckets=options.buckets or number_of_buckets(examples.get_int_custom_property("rows")),
            prefix=posixpath.join(made.uri, _PREFIX),
        )
        with self._make_beam_pipeline() as pipeline:
            build(pipeline, plan)
        made.users = sum(_rows(path) for path in _match(posixpath.join(made.uri, f"{_PREFIX}*.parquet")))
        _log.info("BatchRecommender: %d items for each of %d users, of %s.", options.k, made.users, model)


def _match(pattern: str) -> tuple[str, ...]:
    return tuple(sorted(file.path for file in FileSystems.match([pattern])[0].metadata_list))


def _rows(path: str) -> int:
    with FileSystems.open(path) as handle:
        return pq.ParquetFile(handle).metadata.num_rows
