"""Pusher's work: the verdict, the manifest, the push, and what came of it on the PushedModel artifact."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import fsspec
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.pusher.encrypted import prepared
from components.pusher.options import Options
from components.pusher.publish import Push, push
from components.pusher.versions import published_versions
from schemas import contents, encryption
from schemas.digest import directory_digest
from schemas.models import publishable_folder
from schemas.runs import Manifest

if TYPE_CHECKING:
    from tfx.types import Artifact

_log = logging.getLogger(__name__)


class Executor(base_executor.BaseExecutor):
    """Publishes the model if it is blessed and not the newest version already."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the stage.

        The PushedModel artifact gets custom properties: pushed (1: a new version), pushed_destination and
        pushed_version (of the newest version that holds this model; absent where it isn't blessed), digest, why.

        Args:
            input_dict: model, blessing, evaluation, rejected, one artifact each; infra_blessing where it was checked.
            output_dict: pushed_model.
            exec_properties: target, model_name, options (JSON), code_version; key_id only serves the cache.
        Raises: PublishError: the model is blessed and can't be published. ConfigError: nor encrypted.
        """
        inputs = {key: artifact_utils.get_single_instance(value) for key, value in input_dict.items() if value}
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        target = exec_properties["target"]
        if not inputs["blessing"].get_int_custom_property("blessed"):
            _record(pushed_model, pushed=False, why=_refusal(inputs["evaluation"].uri, target))
            return
        if "infra_blessing" in inputs and not inputs["infra_blessing"].get_int_custom_property("blessed"):
            _record(pushed_model, pushed=False, why=_not_servable(inputs["infra_blessing"].uri, target))
            return
        source = publishable_folder(inputs["model"].uri)
        options = Options.model_validate_json(exec_properties["options"])
        manifest = _manifest(source, inputs, exec_properties, options)
        with prepared(source, manifest.digest, options.encryption) as (files, digest):
            _record_push(pushed_model, push(files, target, manifest, keep=options.keep, digest=digest))


def _manifest(source: str, inputs: dict[str, Artifact], exec_properties: dict[str, Any], options: Options) -> Manifest:
    """What will lie beside the model; the push gives it its number and time."""
    model, evaluation = inputs["model"], inputs["evaluation"].uri
    files = _read_json(inputs["rejected"].uri, contents.READ_COUNTS_FILE)["files"]
    return Manifest(
        model=exec_properties["model_name"],
        version=0,
        digest=directory_digest(source),
        published_at="",
        metrics=_read_json(evaluation, contents.METRICS_FILE),
        data=files,
        spans=sorted({file["span"] for file in files if file.get("span") is not None}),
        code_version=model.get_string_custom_property("code_version") or exec_properties["code_version"],
        evaluation=evaluation,
        refit=bool(model.get_int_custom_property("refit")),
        head=model.get_string_custom_property("head") or "next_item",
        encryption=encryption.id_of(options.encryption),
    )


def _refusal(evaluation: str, target: str) -> str:
    """Why nothing is pushed, with the evaluation's figures and what is served meanwhile."""
    return f"Not pushed; {_stays(target)}. {_read_json(evaluation, contents.BLESSING_FILE)['why']}"


def _not_servable(checked: str, target: str) -> str:
    """Why a good model isn't pushed: what its server did."""
    return f"Not pushed; {_stays(target)}. {' '.join(_read_json(checked, contents.MODEL_CHECK_FILE)['reasons'])}"


def _stays(target: str) -> str:
    served = next(iter(published_versions(target)), None)
    return f"version {served.manifest.version} stays" if served else "nothing is served"


def _record_push(pushed_model: Artifact, done: Push) -> None:
    manifest = done.published.manifest
    why = "Blessed, and new." if done.new else "This model is the newest version already."
    pushed_model.set_string_custom_property("pushed_destination", done.published.path)
    pushed_model.set_string_custom_property("pushed_version", str(manifest.version))
    pushed_model.set_string_custom_property("digest", manifest.digest)
    _record(pushed_model, pushed=done.new, why=f"{why} {done.published.path}")


def _record(pushed_model: Artifact, *, pushed: bool, why: str) -> None:
    pushed_model.set_int_custom_property("pushed", int(pushed))
    pushed_model.set_string_custom_property("why", why)
    (_log.info if pushed else _log.warning)("Pusher: %s", why)


def _read_json(folder: str, name: str) -> Any:
    with fsspec.open(f"{folder.rstrip('/')}/{name}", "rt", encoding="utf-8") as file:
        return json.load(file)
