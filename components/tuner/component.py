"""Declaration of the Tuner: TFX's own has no place for our properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.tuner.executor import Executor
from schemas.artifacts import ItemCounts

if TYPE_CHECKING:
    from tfx.types import BaseChannel

    from components.tuner.options import Options
    from ranker.job_options import JobOptions

TUNER_FN = "components.tuner.run.tuner_fn"


class TunerSpec(ComponentSpec):
    """Channels and properties."""

    INPUTS = {  # noqa: RUF012 - the form that TFX asks for
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "item_counts": ChannelParameter(type=ItemCounts),
        "items": ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "best_hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters),
        "tuner_results": ChannelParameter(type=standard_artifacts.TunerResults),
    }
    PARAMETERS = {  # noqa: RUF012
        "tuner_fn": ExecutionParameter(type=str),
        "options": ExecutionParameter(type=str),
        "job": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
        "checkpoint_root": ExecutionParameter(type=str),
    }


class Tuner(base_component.BaseComponent):
    """Tries knobs of the training, each on the training split, and compares them on validation; test is never read.

    Args:
        examples: transformed sequences, splits train and valid.
        transform_graph: Transform's, for the vocabulary.
        item_counts: training counts; its properties say the window and whether past items are candidates.
        items: the items table as TableExampleGen leaves it; None: there is none.
        options: how to search, and among what.
        job: the Trainer's knobs, which the search changes at the paths of options.space; its epochs are the most that
            a trial trains, unless options.epochs says otherwise.
        code_version: digest of the code that the stage runs on.
        checkpoint_root: folder under which a killed search leaves what it needs to go on.
    Outputs: best_hyperparameters (KerasTuner's get_config as JSON, which the Trainer takes) and tuner_results
        (schemas.contents.TUNER_RESULTS_FILE and TRIALS_FILE).
    """

    SPEC_CLASS = TunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        item_counts: BaseChannel,
        *,
        items: BaseChannel | None = None,
        options: Options,
        job: JobOptions,
        code_version: str,
        checkpoint_root: str,
    ) -> None:
        super().__init__(
            TunerSpec(
                examples=examples,
                transform_graph=transform_graph,
                item_counts=item_counts,
                items=items,
                tuner_fn=TUNER_FN,
                options=options.model_dump_json(),
                job=job.model_dump_json(),
                code_version=code_version,
                checkpoint_root=checkpoint_root,
                best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
                tuner_results=Channel(type=standard_artifacts.TunerResults),
            )
        )
