"""The chain, in the order data passes: one call a stage. Where it runs is a runner's business."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx.components import ExampleValidator, StatisticsGen
from tfx.orchestration.pipeline import Pipeline

from components.curated_schema.component import CuratedSchema
from components.data_gate.component import DataGate
from components.evaluator.component import Evaluator
from components.example_gen.component import InteractionExampleGen
from components.pusher.component import Pusher
from components.sequence_gen.component import SequenceGen
from components.trainer.component import Trainer
from components.transform.component import transform
from pipeline import places
from pipeline.checking import model_check
from pipeline.code_version import schema_digest, stage_versions
from pipeline.recommending import batch_recommender
from pipeline.tables import table
from pipeline.training import FindPublished, Resolved, embeds_users, keeps_long_term, tuned
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig

    from pipeline.config import Config
    from schemas.runs import OutputRoot

_ON_LABELS = {f.RATING: f.LABEL_RATING, f.WEIGHT: f.LABEL_WEIGHT}


def create_pipeline(
    config: Config,
    root: OutputRoot,
    *,
    fingerprints: Mapping[str, str],
    metadata: ConnectionConfig | None,
    published: FindPublished | None = None,
) -> Pipeline:
    """Wires the stages.

    Args:
        config: the resolved configuration.
        root: where artifacts, checkpoints and models go.
        fingerprints: of the input files of example_gen, and of items and users where they are configured
            (components.example_gen.inputs), so that the cache sees changed data; of pusher the id of its key.
        metadata: the local store; None where a cluster brings its own.
        published: how the stages get at published models; None: by resolvers.
    """
    published = published or Resolved()
    target = places.publish_target(config, root)
    code = stage_versions(config)
    of_interactions, of_sequences = _configured_features(config)

    # Log files -> usable interactions, in columns, and the rows that can't be used.
    interactions = InteractionExampleGen(
        options=config.example_gen, fingerprint=fingerprints["example_gen"], code_version=code["example_gen"]
    )
    # What interactions must look like: schemas/interactions.pbtxt and the configured columns.
    expected = CuratedSchema(
        schema_file="interactions.pbtxt",
        optional=of_interactions,
        digest=schema_digest("interactions.pbtxt"),
        code_version=code["curated_schema"],
    ).with_id("InteractionSchema")
    # Statistics of each column (TFX's own).
    statistics = StatisticsGen(examples=interactions.outputs["examples"], schema=expected.outputs["schema"])
    # Where the statistics contradict the schema (TFX's own).
    anomalies = ExampleValidator(statistics=statistics.outputs["statistics"], schema=expected.outputs["schema"])
    # Refuses data that no model should be trained on.
    gate = DataGate(
        examples=interactions.outputs["examples"],
        anomalies=anomalies.outputs["anomalies"],
        rejected=interactions.outputs["rejected"],
        mask_seen=config.sequence_gen.mask_seen and config.sequence_gen.repeats == "keep",  # else none is left
        session_gap=config.sequence_gen.session_gap,
        options=config.data_gate,
        code_version=code["data_gate"],
    )
    # What is known of items and of users, where it is configured: read and checked as the log is.
    items, users = (
        table(
            options,
            interactions.outputs["examples"],
            fingerprint=fingerprints.get(name, ""),
            gate=config.data_gate,
            code=code,
        )
        for name, options in (("items", config.items), ("users", config.users))
    )
    # Interactions -> users' histories, split and windowed; how often each item was seen in training.
    histories = SequenceGen(
        examples=interactions.outputs["examples"],
        window=config.sequence_gen.window,
        options=config.sequence_gen,
        users=users.examples,
        code_version=code["sequence_gen"],
    )
    for judge in (gate, *items.stages[-1:], *users.stages[-1:]):  # order alone: what they say changes no sequence
        histories.add_upstream_node(judge)
    # What sequences look like.
    sequence_schema = CuratedSchema(
        schema_file="sequences.pbtxt",
        optional=of_sequences,
        digest=schema_digest("sequences.pbtxt"),
        code_version=code["curated_schema"],
    ).with_id("SequenceSchema")
    # Vocabulary and features, as one graph for training and serving.
    transformed = transform(
        examples=histories.outputs["sequences"],
        schema=sequence_schema.outputs["schema"],
        users=embeds_users(config),
        items=items.examples is not None,
        keys=keeps_long_term(config),
        options=config.transform,
        code_version=code["transform"],
    )
    data = {
        "examples": transformed.outputs["transformed_examples"],
        "transform_graph": transformed.outputs["transform_graph"],
        "item_counts": histories.outputs["item_counts"],
        "items": items.examples,
    }
    # Tries other knobs of the Trainer and hands it the best, where that is configured.
    knobs = tuned(config, data, code_version=code["tuner"], checkpoint_root=str(root.checkpoints))
    # The published model whose weights training begins with, where that is configured.
    start = published.start(config, interactions.outputs["rejected"], target)
    # Trains the ranker and exports it with all of its signatures.
    trainer = Trainer(
        **data,
        hyperparameters=knobs.output,
        start_model=start.output,
        epochs=config.trainer.epochs,
        options=config.trainer,
        code_version=code["trainer"],
        checkpoint_root=str(root.checkpoints),
    )
    # What is served now, unless it is this very model.
    baseline = published.baseline(trainer.outputs["model"], target)
    # Ranks every label of validation and test among the whole catalogue; blesses the model or not.
    evaluator = Evaluator(
        examples=histories.outputs["sequences"],
        model=trainer.outputs["model"],
        baseline_model=baseline.output,
        item_counts=histories.outputs["item_counts"],
        sequence_report=histories.outputs["report"],
        options=config.evaluator,
        head=config.trainer.model.head,
        loss=config.trainer.model.loss,
        code_version=code["evaluator"],
    )
    # Starts a server of the model and asks it, where that is configured.
    checked = model_check(
        config,
        trainer.outputs["model"],
        histories.outputs["sequences"],
        histories.outputs["item_counts"],
        code_version=code["model_check"],
    )
    # Publishes a blessed model as the next version.
    pusher = Pusher(
        model=trainer.outputs["model"],
        blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        rejected=interactions.outputs["rejected"],
        infra_blessing=checked.output,
        target=target,
        model_name=config.run.name,
        options=config.pusher,
        code_version=code["pusher"],
        key_id=fingerprints.get("pusher", ""),
    )
    # Asks the published model for every user, where that is configured.
    lists = batch_recommender(
        config,
        interactions.outputs["examples"],
        pusher.outputs["pushed_model"],
        code_version=code["batch_recommender"],
    )
    return Pipeline(
        pipeline_name=config.run.name,
        pipeline_root=str(root.artifacts),
        components=[
            interactions,
            expected,
            statistics,
            anomalies,
            gate,
            *items.stages,
            *users.stages,
            histories,
            sequence_schema,
            transformed,
            *knobs.stages,
            *start.stages,
            trainer,
            *baseline.stages,
            evaluator,
            *checked.stages,
            pusher,
            *lists.stages,
        ],
        enable_cache=config.run.cache,
        metadata_connection_config=metadata,
        beam_pipeline_args=config.run.beam.arguments(),
    )


def _configured_features(config: Config) -> tuple[list[str], list[str]]:
    """The optional features of interactions, and of sequences, that the configured columns and spans fill."""
    columns, by_span = config.example_gen.columns, config.example_gen.spans is not None
    named = {f.RATING: columns.rating, f.WEIGHT: columns.weight or columns.event, f.ORDER: columns.order}
    interactions = [feature for feature, column in named.items() if column]
    sequences = [on_label for feature, on_label in _ON_LABELS.items() if named[feature]]
    interactions += [f.SPAN] if by_span else []
    sequences += [f.LEARN_FROM] if by_span and config.sequence_gen.span_labels == "newest" else []
    contexts, of_users = columns.context, config.users.columns.categories if config.users else ()
    return (
        interactions + [f.CONTEXT_PREFIX + column for column in contexts],
        sequences
        + [f.HISTORY_CONTEXT_PREFIX + column for column in contexts]
        + [f.USER_FEATURE_PREFIX + column for column in of_users],
    )
