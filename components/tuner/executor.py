"""The Tuner's work: TFX's own search, handed our properties, and our table of what came of it."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import keras_tuner
from tfx.components.tuner import executor
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import json_utils, proto_utils

from components.tuner import results
from ranker import checkpointing
from schemas import features as f
from schemas.contents import ITEM_COUNTS_FILE
from schemas.digest import work_digest

if TYPE_CHECKING:
    from tfx.types import Artifact

    from components.tuner.search import Search


class Executor(executor.Executor):
    """Searches, from where a killed search stopped, and writes down the best values and all trials."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the stage.

        Args:
            input_dict: examples, transform_graph, item_counts: one artifact each; items: one or none.
            output_dict: best_hyperparameters, tuner_results.
            exec_properties: tuner_fn, options and job (JSON), code_version, checkpoint_root.
        Raises: ModelError: there is nothing to learn from, or no trial could be trained.
        """
        inputs = {key: artifact_utils.get_single_instance(value) for key, value in input_dict.items() if value}
        root = exec_properties["checkpoint_root"].rstrip("/")
        checkpoints = f"{root}/{search_digest(inputs, exec_properties)}"
        properties = {**exec_properties, **_generic_properties(inputs, exec_properties, checkpoints)}
        best, table = (artifact_utils.get_single_instance(value) for value in _outputs(output_dict))
        with tempfile.TemporaryDirectory() as folder:  # TFX's own may lie in an object store, where KerasTuner can't
            search = _searched(input_dict, properties, folder)
            results.write(search, best.uri, table.uri)
        checkpointing.remove(checkpoints)


def search_digest(inputs: dict[str, Artifact], exec_properties: dict[str, Any]) -> str:
    """What a search is: its inputs' contents and its properties, wherever they lie.

    Args:
        inputs: by name.
        exec_properties: of the stage; where checkpoints go is no part of it.
    Returns: 64 hexadecimal digits.
    """
    counts = inputs["item_counts"]
    knobs = {key: value for key, value in exec_properties.items() if key != "checkpoint_root"}
    knobs |= {"window": counts.window, "mask_seen": counts.mask_seen}
    return work_digest({key: artifact.uri for key, artifact in inputs.items()}, knobs)


def _searched(input_dict: dict[str, list[Artifact]], properties: dict[str, Any], folder: str) -> Search:
    try:
        return executor.search(input_dict, properties, folder, print_tuning_summary=False)
    except keras_tuner.errors.FatalError as error:
        raise error.__cause__ or error from None


def _outputs(output_dict: dict[str, list[Artifact]]) -> tuple[list[Artifact], list[Artifact]]:
    return output_dict["best_hyperparameters"], output_dict["tuner_results"]


def _generic_properties(
    inputs: dict[str, Artifact], exec_properties: dict[str, Any], checkpoints: str
) -> dict[str, str]:
    """Properties that TFX's executor reads; ours go to tuner_fn inside custom_config."""
    counts = inputs["item_counts"]
    ours = {
        "options": exec_properties["options"],
        "job": exec_properties["job"],
        "item_counts": f"{counts.uri}/{ITEM_COUNTS_FILE}",
        "window": int(counts.window),
        "mask_seen": bool(counts.mask_seen),
        "checkpoints": checkpoints,
        "items": f"{artifact_utils.get_split_uri([inputs['items']], f.ALL)}/*" if "items" in inputs else None,
    }
    return {
        standard_component_specs.TRAIN_ARGS_KEY: proto_utils.proto_to_json(trainer_pb2.TrainArgs(splits=[f.TRAIN])),
        standard_component_specs.EVAL_ARGS_KEY: proto_utils.proto_to_json(trainer_pb2.EvalArgs(splits=[f.VALID])),
        standard_component_specs.CUSTOM_CONFIG_KEY: json_utils.dumps(ours),
    }
