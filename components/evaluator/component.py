"""Declaration of the Evaluator."""

from __future__ import annotations

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import channel, component_spec, standard_artifacts

from components.evaluator import executor
from components.evaluator.options import PAIR_METRICS, Options
from ranker.registry import NamedOptions
from schemas import artifacts


class EvaluatorSpec(component_spec.ComponentSpec):
    """What the Evaluator reads, is told, and writes."""

    PARAMETERS = {  # noqa: RUF012 - the form that TFX asks for
        "options": component_spec.ExecutionParameter(type=str),
        "head": component_spec.ExecutionParameter(type=str),
        "loss": component_spec.ExecutionParameter(type=str),
        "code_version": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": component_spec.ChannelParameter(
            type=standard_artifacts.Model, optional=True, allow_empty=True
        ),
        "item_counts": component_spec.ChannelParameter(type=artifacts.ItemCounts),
        "sequence_report": component_spec.ChannelParameter(type=artifacts.SequenceReport, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class Evaluator(base_beam_component.BaseBeamComponent):
    """Ranks each validation and test label among the whole catalogue, and decides whether the model may be published.

    The decision falls on the validation split; test is reported. A model that isn't blessed is a result, not an error.

    Args:
        examples: sequences of SequenceGen; splits valid and test are read.
        model: the candidate, with the signature schemas.features.SIGNATURE_EVALUATE.
        baseline_model: the latest blessed model, trained or published; None, or a channel without artifacts: none yet.
        item_counts: training counts of the items, what coverage and popularity refer to; and whether items of the past
            are masked. Where they aren't, the user's own latest items are reported as one more baseline.
        sequence_report: how many labels there are, for options.max_labels; None: all are ranked.
        options: the stage's knobs.
        head: of the candidate: what its scores mean, and so by what it is measured; None: they are an order alone.
        loss: that it is trained by, which says how the pairs of the head pointwise are drawn.
        code_version: digest of the code that the stage runs on, so that the cache sees an edit.
    Outputs: evaluation (TFMA's results, schemas.contents.METRICS_FILE, PER_USER_FOLDER, PAIRS_FOLDER, BLESSING_FILE,
        RANKED_SHARE_FILE) and blessing.
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: channel.BaseChannel,
        model: channel.BaseChannel,
        item_counts: channel.BaseChannel,
        options: Options,
        code_version: str,
        head: NamedOptions | None = None,
        loss: NamedOptions | None = None,
        baseline_model: channel.BaseChannel | None = None,
        sequence_report: channel.BaseChannel | None = None,
    ) -> None:
        has_pairs = head is not None and head.name in PAIR_METRICS
        spec = EvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            item_counts=item_counts,
            sequence_report=sequence_report,
            options=options.model_dump_json(),
            head=head.model_dump_json() if head is not None and has_pairs else "",
            loss=loss.model_dump_json() if loss is not None and has_pairs else "",
            code_version=code_version,
            evaluation=channel.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=channel.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
