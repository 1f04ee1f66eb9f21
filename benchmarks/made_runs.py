"""A metadata store of many made runs, as TFX's local runner writes them: for tests and benchmarks of `inspection`."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Final

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as pb

PIPELINE: Final = "shop"
# (stage, execution type, inputs as "stage.output", outputs by name with their types)
STAGES: Final = (
    ("InteractionExampleGen", "components.example_gen.component.InteractionExampleGen", (),
     {"examples": "Examples", "rejected": "seqrank.RejectedRows"}),
    ("StatisticsGen", "tfx.components.statistics_gen.component.StatisticsGen",
     ("InteractionExampleGen.examples",), {"statistics": "ExampleStatistics"}),
    ("DataGate", "components.data_gate.component.DataGate",
     ("InteractionExampleGen.examples", "InteractionExampleGen.rejected"), {"report": "seqrank.DataReport"}),
    ("SequenceGen", "components.sequence_gen.component.SequenceGen", ("InteractionExampleGen.examples",),
     {"sequences": "Examples", "item_counts": "seqrank.ItemCounts", "report": "seqrank.SequenceReport"}),
    ("Transform", "tfx.components.transform.component.Transform", ("SequenceGen.sequences",),
     {"transform_graph": "TransformGraph", "transformed_examples": "Examples"}),
    ("Trainer", "components.trainer.component.Trainer",
     ("Transform.transform_graph", "Transform.transformed_examples", "SequenceGen.item_counts"),
     {"model": "Model", "model_run": "ModelRun"}),
    ("LatestBlessedModel", "tfx.dsl.components.common.resolver.Resolver", (), {}),
    ("Evaluator", "components.evaluator.component.Evaluator", ("SequenceGen.sequences", "Trainer.model"),
     {"evaluation": "ModelEvaluation", "blessing": "ModelBlessing"}),
    ("Pusher", "components.pusher.component.Pusher", ("Trainer.model", "Evaluator.blessing"),
     {"pushed_model": "PushedModel"}),
)  # fmt: skip
_COMPLETE: Final = pb.Execution.COMPLETE
FROM_CACHE: Final = ("InteractionExampleGen", "StatisticsGen", "DataGate", "SequenceGen", "Transform")


class MadeRuns:
    """Writes runs into a store.

    Args:
        root: output root; the store is metadata.sqlite in it.
    """

    def __init__(self, root: pathlib.Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = str(root / "metadata.sqlite")
        config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.root, self.store = root, MetadataStore(config)
        put_context, put_execution = self.store.put_context_type, self.store.put_execution_type
        kinds = ("pipeline", "pipeline_run", "node")
        self._contexts = {name: put_context(pb.ContextType(name=name)) for name in kinds}
        self._executions = {stage[1]: put_execution(pb.ExecutionType(name=stage[1])) for stage in STAGES}
        types = {kind for stage in STAGES for kind in stage[3].values()}
        self._artifacts = {name: self.store.put_artifact_type(pb.ArtifactType(name=name)) for name in types}
        nodes = [pb.Context(type_id=self._contexts["node"], name=f"{PIPELINE}.{stage}") for stage, *_ in STAGES]
        self._nodes = self.store.put_contexts(nodes)
        self._last: dict[str, int] = {}  # "stage.output" -> artifact id, of the newest run

    def add(self, run_id: str, *, cached: tuple[str, ...] = (), failed: str | None = None, **told: Any) -> None:
        """One run.

        Args:
            run_id: its name.
            cached: stages that take what the run before left.
            failed: the stage that it ended at.
            told: `options` of Trainer, as its execution keeps them.
        """
        kinds = {PIPELINE: "pipeline", run_id: "pipeline_run"}
        contexts = [pb.Context(type_id=self._contexts[kind], name=name) for name, kind in kinds.items()]
        executions: list[pb.Execution] = []
        artifacts: list[pb.Artifact] = []
        edges: list[tuple[int, int | None, pb.Event]] = []
        new: dict[str, int] = {}
        for stage, kind, inputs, outputs in STAGES:
            place, hit = len(executions), stage in cached
            executions.append(self._execution(stage, kind, hit, stage == failed, told))
            edges += [self._edge(pb.Event.INPUT, place, source, new) for source in inputs]
            if stage == failed:
                break
            for output, type_name in outputs.items():
                if not hit:
                    new[f"{stage}.{output}"] = len(artifacts)
                    uri = str(self.root / "artifacts" / stage / output / run_id)
                    artifacts.append(pb.Artifact(type_id=self._artifacts[type_name], uri=uri, state=pb.Artifact.LIVE))
                    artifacts[-1].custom_properties["rows"].int_value = 100
                edges.append(self._edge(pb.Event.OUTPUT, place, f"{stage}.{output}", new))
        put = self.store.put_lineage_subgraph
        made, ids, (pipeline, run) = put(executions, artifacts, contexts, edges, reuse_context_if_already_exist=True)
        self.store.put_parent_contexts([pb.ParentContext(child_id=run, parent_id=pipeline)])
        nodes = [pb.Association(execution_id=each, context_id=self._nodes[place]) for place, each in enumerate(made)]
        self.store.put_attributions_and_associations([], nodes)
        self._last |= {name: ids[place] for name, place in new.items()}

    def _execution(self, stage: str, kind: str, hit: bool, failed: bool, told: dict[str, Any]) -> pb.Execution:
        execution = pb.Execution(type_id=self._executions[kind])
        execution.last_known_state = pb.Execution.FAILED if failed else pb.Execution.CACHED if hit else _COMPLETE
        if stage == "Trainer":
            execution.custom_properties["options"].string_value = json.dumps(told)
        return execution

    def _edge(self, kind: int, place: int, name: str, new: dict[str, int]) -> tuple[int, int | None, pb.Event]:
        event = pb.Event(type=kind)  # type: ignore[arg-type]
        event.path.steps.add().key = name.partition(".")[2]
        event.path.steps.add().index = 0
        if name not in new:
            event.artifact_id = self._last[name]
        return place, new.get(name), event
