"""The stage's work: the exported model in, a verdict and a report out."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import TYPE_CHECKING, Any, Final

import fsspec
import polars as pl
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.model_check.check import Right, check
from components.model_check.options import Options
from components.model_check.requests_of import real
from schemas import contents, features, stores
from schemas.models import EXPORTED_ITEMS, publishable_folder

if TYPE_CHECKING:
    from tfx.types import Artifact

    from components.model_check.check import Report

_log = logging.getLogger(__name__)
# What TFX's InfraValidator calls them, and its own Pusher looks for.
_BLESSED: Final = ("INFRA_BLESSED", 1)
_NOT_BLESSED: Final = ("INFRA_NOT_BLESSED", 0)


class Executor(base_executor.BaseExecutor):
    """Starts the model that would be published, and asks it."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the stage. A model that fails is a result, not an error: Pusher reads it.

        Args:
            input_dict: model, examples (SequenceGen's sequences), item_counts: one artifact each.
            output_dict: blessing.
            exec_properties: options (JSON), code_version.
        """
        inputs = {key: artifact_utils.get_single_instance(value) for key, value in input_dict.items()}
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        counts = inputs["item_counts"]
        (folder,) = artifact_utils.get_split_uris([inputs["examples"]], features.VALID)
        options = Options.model_validate_json(exec_properties["options"])
        model = publishable_folder(inputs["model"].uri)
        report = check(
            model,
            real(f"{folder}/*.gz", options.requests),
            options,
            Right(_known(counts.uri, model), mask_seen=bool(counts.get_int_custom_property("mask_seen"))),
        )
        _write(report, blessing)


def _known(counts: str, model: str) -> frozenset[str]:
    """Items that training saw, and those of the table that the model was exported with: new ones are among it."""
    known: set[str] = set()
    for folder, file in ((counts, contents.ITEM_COUNTS_FILE), (model, EXPORTED_ITEMS)):
        system, root = stores.url_to_fs(f"{folder.rstrip('/')}/{file}")
        if system.exists(root):
            with system.open(root, "rb") as found:
                known.update(pl.read_parquet(found.read(), columns=[features.ITEM_ID])[features.ITEM_ID])
    return frozenset(known)


def _write(report: Report, blessing: Artifact) -> None:
    file, blessed = _BLESSED if report.passed else _NOT_BLESSED
    told = {"passed": report.passed, **dataclasses.asdict(report)}
    for name, text in ((file, ""), (contents.MODEL_CHECK_FILE, json.dumps(told, indent=2) + "\n")):
        with fsspec.open(f"{blessing.uri.rstrip('/')}/{name}", "wt", encoding="utf-8", auto_mkdir=True) as out:
            out.write(text)
    blessing.set_int_custom_property("blessed", blessed)
    for name, value in report.figures.items():
        blessing.set_float_custom_property(name, float(value))
    if report.passed:
        _log.info("ModelCheck: passed. %s", report.figures)
    else:
        _log.warning("ModelCheck: %s", " ".join(report.reasons))
