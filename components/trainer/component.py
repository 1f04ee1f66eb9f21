"""Declaration of the Trainer: TFX's own has no place for our properties, and one inside custom_config would freeze."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.trainer.executor import Executor
from schemas.artifacts import ItemCounts

if TYPE_CHECKING:
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.types import BaseChannel

    from components.trainer.options import Options

RUN_FN = "components.trainer.run.run_fn"


class TrainerSpec(ComponentSpec):
    """Channels and properties."""

    INPUTS = {  # noqa: RUF012 - the form that TFX asks for
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "item_counts": ChannelParameter(type=ItemCounts),
        "items": ChannelParameter(type=standard_artifacts.Examples, optional=True),
        "hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters, optional=True),
        "start_model": ChannelParameter(type=standard_artifacts.Model, optional=True, allow_empty=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
    }
    PARAMETERS = {  # noqa: RUF012
        "run_fn": ExecutionParameter(type=str),
        "epochs": ExecutionParameter(type=int),
        "options": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
        "checkpoint_root": ExecutionParameter(type=str),
    }


class Trainer(base_component.BaseComponent):
    """Trains the ranker on the transformed training split, validates it after each epoch, and exports the best.

    Args:
        examples: transformed sequences, splits train, valid and test (read only where refit asks for it).
        transform_graph: Transform's, for the vocabulary and for the exported model.
        item_counts: training counts; its properties say the window and whether past items are candidates.
        items: the items table as TableExampleGen leaves it, split "all"; None: there is none.
        hyperparameters: the Tuner's best, which go over `options`; None: there are none.
        start_model: whose weights to begin with, trained or published; None, or a channel without artifacts: none.
        epochs: most passes over the training rows; turned at run time on a cluster, so a property of its own.
        options: the other knobs.
        code_version: digest of the code that the stage runs on.
        checkpoint_root: folder under which a killed training leaves what it needs to go on.
    Outputs: model (Format-Serving/, and Format-Refit/ with refit; custom properties digest, refit and head) and
        model_run (TensorBoard's event files and schemas.contents.TRAINING_FILE).
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        item_counts: BaseChannel,
        *,
        items: BaseChannel | None = None,
        hyperparameters: BaseChannel | None = None,
        start_model: BaseChannel | None = None,
        epochs: int | RuntimeParameter,
        options: Options,
        code_version: str,
        checkpoint_root: str,
    ) -> None:
        super().__init__(
            TrainerSpec(
                examples=examples,
                transform_graph=transform_graph,
                item_counts=item_counts,
                items=items,
                hyperparameters=hyperparameters,
                start_model=start_model,
                run_fn=RUN_FN,
                epochs=epochs,
                options=options.model_dump_json(exclude={"epochs"}),
                code_version=code_version,
                checkpoint_root=checkpoint_root,
                model=Channel(type=standard_artifacts.Model),
                model_run=Channel(type=standard_artifacts.ModelRun),
            )
        )
