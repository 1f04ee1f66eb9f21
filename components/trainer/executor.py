"""The Trainer's work: TFX's generic executor, handed our properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfx.components.trainer import executor
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import json_utils, proto_utils

from components.trainer import task
from components.trainer.options import Options
from ranker import checkpointing
from schemas import features as f
from schemas.contents import ITEM_COUNTS_FILE
from schemas.digest import directory_digest, work_digest
from schemas.models import publishable_folder, saved_model_folder

if TYPE_CHECKING:
    from tfx.types import Artifact


class Executor(executor.GenericExecutor):
    """Calls run_fn with what it needs, and says on the model's artifact what was made."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the stage.

        Args:
            input_dict: examples, transform_graph, item_counts: one artifact each; items, hyperparameters, start_model:
                one or none.
            output_dict: model, model_run. The model gets the custom properties digest (of what Pusher publishes),
                code_version (the manifest's), refit (0 or 1) and head (a name of ranker.heads).
            exec_properties: run_fn, epochs, options (JSON), code_version, checkpoint_root.
        Raises: ModelError: there is nothing to learn from, or training diverged.
        """
        inputs = {key: artifact_utils.get_single_instance(value) for key, value in input_dict.items() if value}
        root = exec_properties["checkpoint_root"].rstrip("/")
        checkpoints = f"{root}/{training_digest(inputs, exec_properties)}"
        properties = {**exec_properties, **_generic_properties(inputs, exec_properties, checkpoints)}
        super().Do(input_dict, output_dict, properties)
        model = artifact_utils.get_single_instance(output_dict["model"])
        model.set_string_custom_property("digest", directory_digest(publishable_folder(model.uri)))
        model.set_string_custom_property("code_version", exec_properties["code_version"])
        options = Options.model_validate_json(exec_properties["options"])
        model.set_int_custom_property("refit", int(options.refit))
        model.set_string_custom_property("head", options.model.head.name)
        checkpointing.remove(checkpoints)


def training_digest(inputs: dict[str, Artifact], exec_properties: dict[str, Any]) -> str:
    """What a training is: its inputs' contents and its properties, wherever they lie.

    Args:
        inputs: by name.
        exec_properties: of the stage; where checkpoints go is no part of it.
    Returns: 64 hexadecimal digits.
    """
    counts = inputs["item_counts"]
    knobs = {key: value for key, value in exec_properties.items() if key != "checkpoint_root"}
    knobs |= {"window": counts.window, "mask_seen": counts.mask_seen}
    return work_digest({key: artifact.uri for key, artifact in inputs.items()}, knobs)


def _generic_properties(
    inputs: dict[str, Artifact], exec_properties: dict[str, Any], checkpoints: str
) -> dict[str, str]:
    """Properties that TFX's executor reads; ours go to run_fn inside custom_config."""
    counts = inputs["item_counts"]
    ours = {
        "options": exec_properties["options"],
        "epochs": exec_properties["epochs"],
        "item_counts": f"{counts.uri}/{ITEM_COUNTS_FILE}",
        "window": int(counts.window),
        "mask_seen": bool(counts.mask_seen),
        "checkpoints": checkpoints,
        "task_file": f"{checkpoints.rsplit('/', 1)[0]}/{task.FILE}",
        "items": _all_files(inputs["items"], f.ALL) if "items" in inputs else None,
        "test_files": _all_files(inputs["examples"], f.TEST),
        "start": saved_model_folder(inputs["start_model"].uri) if "start_model" in inputs else None,
    }
    return {
        standard_component_specs.TRAIN_ARGS_KEY: proto_utils.proto_to_json(trainer_pb2.TrainArgs(splits=[f.TRAIN])),
        standard_component_specs.EVAL_ARGS_KEY: proto_utils.proto_to_json(trainer_pb2.EvalArgs(splits=[f.VALID])),
        standard_component_specs.CUSTOM_CONFIG_KEY: json_utils.dumps(ours),
    }


def _all_files(examples: Artifact, split: str) -> str:
    """Pattern of a split's files."""
    return f"{artifact_utils.get_split_uri([examples], split)}/*"
