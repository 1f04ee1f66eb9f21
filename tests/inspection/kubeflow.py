"""Kubeflow's metadata service without Kubeflow: ML Metadata behind gRPC, filled as Kubeflow's launcher fills it.

From the source of Kubeflow Pipelines 2.17 (backend/src/v2/metadata/client.go): types without properties, each property
a custom one; a context system.PipelineRun named by the run's id below a context system.Pipeline; one execution a task
and one for the run as a whole, which stays RUNNING; parameters as a structure, with numbers as doubles; artifacts of
the schema's title, such as tfx.Examples; events whose path is the output's name alone.
"""

import json
from concurrent import futures

import grpc
from google.protobuf import struct_pb2
from ml_metadata import MetadataStore
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as library
from ml_metadata.proto import metadata_store_pb2 as pb
from ml_metadata.proto import metadata_store_service_pb2 as service
from ml_metadata.proto import metadata_store_service_pb2_grpc as stubs

METHODS = service.DESCRIPTOR.services_by_name["MetadataStoreService"].methods
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_SESSION = json.dumps({"Provider": "s3", "Params": {"fromEnv": "true"}})


def _forward(method):
    """One method of the service, answered by ML Metadata's library."""
    answer_type = getattr(service, method.output_type.name)
    call = getattr(library, method.name, None)

    def handle(self, request, context):
        if call is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, method.name)
        answer, error, status = call(self.store._metadata_store, request.SerializeToString())
        if status:
            context.abort(_CODES[status], error.decode())
        return answer_type.FromString(answer)

    return handle


class Bridge(stubs.MetadataStoreServiceServicer):
    """The service on a free port of this machine; its store is a file."""

    def __init__(self, path):
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = str(path)
        config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = MetadataStore(config)
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))  # SQLite's handle is one thread's
        stubs.add_MetadataStoreServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self):
        self._server.stop(grace=None).wait()


for _method in METHODS:
    setattr(Bridge, _method.name, _forward(_method))


class Launcher:
    """Writes what Kubeflow's driver and launcher write of one run.

    Args:
        store: ML Metadata.
        run_id: a UUID.
        pipeline: its name.
        root: URI below which artifacts lie.
    """

    def __init__(self, store, run_id, pipeline="shop", root="minio://mlpipeline/v2/artifacts"):
        self._store, self._root = store, f"{root}/{pipeline}/{run_id}"
        self._contexts = [self._context("system.Pipeline", pipeline, {})]
        told = {"namespace": "kubeflow", "resource_name": "run-resource", "pipeline_root": self._root}
        self._contexts.append(self._context("system.PipelineRun", run_id, {**told, "store_session_info": _SESSION}))
        if not store.get_parent_contexts_by_context(self._contexts[1].id):
            parent = pb.ParentContext(child_id=self._contexts[1].id, parent_id=self._contexts[0].id)
            store.put_parent_contexts([parent])
        self._dag = self._execution("system.DAGExecution", {"task_name": "", "display_name": ""}, {}, "RUNNING", [])

    def task(self, name, inputs=(), outputs=None, told=None, state="COMPLETE", cached=None):
        """One task.

        Args:
            name: of the task.
            inputs: (name, artifact id).
            outputs: name -> (title of its type, metadata as the step left it).
            told: its parameters.
            state: of its execution.
            cached: the task whose outputs are taken: (execution, outputs by name), as this method returns it.
        Returns: the execution's id, and its artifacts' ids by output.
        """
        own = {"task_name": name, "display_name": name, "parent_dag_id": self._dag, "cache_fingerprint": "f"}
        own |= {"pod_name": f"{name.lower()}-1", "pod_uid": "u", "namespace": "kubeflow", "image": "seqrank:1"}
        if cached:
            own["cached_execution_id"] = str(cached[0])
        events = [(pb.Event.INPUT, key, number) for key, number in inputs]
        made = dict(cached[1]) if cached else {}
        for key, (title, metadata) in (outputs or {}).items():
            made[key] = self._artifact(name, key, title, metadata)
        events += [(pb.Event.OUTPUT, key, number) for key, number in made.items()]
        number = self._execution("system.ContainerExecution", own, told or {}, "CACHED" if cached else state, events)
        return number, made

    def _context(self, kind, name, told):
        found = self._store.get_context_by_type_and_name(kind, name)
        if found is None:
            number = self._store.put_context_type(pb.ContextType(name=kind))
            context = pb.Context(type_id=number, name=name)
            _tell(context, told)
            (context.id,) = self._store.put_contexts([context])
            return context
        return found

    def _execution(self, kind, own, told, state, events):
        execution = pb.Execution(type_id=self._store.put_execution_type(pb.ExecutionType(name=kind)))
        execution.last_known_state = pb.Execution.State.Value(state)
        _tell(execution, own)
        execution.custom_properties["inputs"].struct_value.CopyFrom(_struct(told))
        pairs = []
        for direction, key, artifact in events:
            event = pb.Event(type=direction, artifact_id=artifact)
            event.path.steps.add().key = key
            pairs.append((None, event))
        number, _, _ = self._store.put_execution(execution, pairs, self._contexts)
        return number

    def _artifact(self, task, key, title, metadata):
        kind = self._store.put_artifact_type(pb.ArtifactType(name=title))
        uri = f"{self._root}/{task}/0e1f/{key}"
        artifact = pb.Artifact(type_id=kind, uri=uri, state=pb.Artifact.LIVE)
        _tell(artifact, {**metadata, "display_name": key, "store_session_info": _SESSION})
        return self._store.put_artifacts([artifact])[0]


def _tell(message, properties):
    """Custom properties, by the launcher's own rules of types."""
    for name, value in properties.items():
        held = message.custom_properties[name]
        if isinstance(value, str):
            held.string_value = value
        elif isinstance(value, dict):
            held.struct_value.CopyFrom(_struct({"struct": value}))
        elif isinstance(value, float):
            held.double_value = value
        else:
            held.int_value = int(value)


def _struct(values):
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct
