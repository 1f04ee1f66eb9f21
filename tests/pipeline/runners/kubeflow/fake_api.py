"""A fake of Kubeflow Pipelines' v2beta1 API: a real HTTP server, nothing behind it.

It is built from the published OpenAPI models of the installed kfp-server-api: every answer is made by one of its
model classes and read back by its client before it is sent, every JSON body that comes in is held against its model,
and paths are those of its services, so that a field or a path that isn't published fails a test. What the models
don't say is taken from the server's source (2.17.0): 409 for a name that is there, refused parameters, the nodes of
Argo, where logs are. It is no proof that a real server does the same.
"""

import datetime
import http.server
import json
import pathlib
import re
import threading
import urllib.parse
from types import SimpleNamespace

import kfp_server_api
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

INDEX = b"<!doctype html><html><title>Kubeflow Pipelines</title></html>"
BEGAN = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.timezone.utc)
WORKFLOW = "chain-x7k2p"
_TYPES = {"STRING": str, "NUMBER_INTEGER": (int, float), "NUMBER_DOUBLE": (int, float), "BOOLEAN": bool}
_SERVICES = pathlib.Path(kfp_server_api.__file__).parent.joinpath("api")
PUBLISHED = {
    (method, re.sub(r"\\?\{\w+\\?\}", "[^/:]+", path))
    for file in _SERVICES.glob("*.py")
    for path, method in re.findall(r"'(/apis/v2beta1/[^']+)', '([A-Z]+)'", file.read_text())
}


class Refused(Exception):  # noqa: N818 - says what happened
    """An answer that isn't 200."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


def wire(name, **fields):
    """What the server would send of a model: made by its class, and read back to the same."""
    client = kfp_server_api.ApiClient()
    sent = client.sanitize_for_serialization(getattr(kfp_server_api, name)(**fields))
    held = client.sanitize_for_serialization(client.deserialize(SimpleNamespace(data=json.dumps(sent)), name))
    assert held == sent, f"{name} is published otherwise: {sent} is read as {held}"
    return sent


def state(name):
    assert name in kfp_server_api.V2beta1RuntimeState.allowable_values, f"{name} is no state of the API"
    return name


def node(stage):
    """Id of Argo's node of a stage's container, and the name of its pod."""
    number = 1000000 + sum(map(ord, stage))
    return f"{WORKFLOW}-{number}", f"{WORKFLOW}-system-container-impl-{number}"


class FakeApi:
    """The server's state, for tests to set and to look at.

    let_in: Authorization or Cookie headers that are let in; None: everybody.
    frames: what becomes of a run, one frame a look, the last one for ever: (run's state, {node: state}).
    logs: text by name of pod. logs_at: who answers at the endpoint, Kubeflow's "page" or the API "server" itself.
    answers: status codes that the next requests get, whatever they ask. gone: connections are cut.
    """

    def __init__(self):
        self.let_in, self.frames, self.logs, self.logs_at = None, [("SUCCEEDED", {})], {}, "page"
        self.multi_user, self.run_error, self.answers, self.gone = False, None, [], False
        self.requests, self.pipelines, self.versions = [], [], []
        self.experiments, self.runs, self.recurring = [], [], []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def asked(self, method):
        """Paths of the requests of one method, in order."""
        return [path for verb, path in self.requests if verb == method]

    def answer(self, method, path, query, headers, body):
        """(content type, bytes); raises Refused."""
        self.requests.append((method, path))
        if self.answers:
            raise Refused(self.answers.pop(0), "upstream connect error")
        who = headers.get("authorization") or headers.get("cookie") or ""
        if self.let_in is not None and who not in self.let_in:
            raise Refused(401, f"Request header error: '{who}' is nobody")
        log = self._log(path, query)
        if log is not None:
            return log
        known = [pattern for verb, pattern in PUBLISHED if verb == method and re.fullmatch(pattern, path)]
        assert known, f"{method} {path} is not published"
        given = json.loads(body) if body and headers.get("content-type", "").startswith("application/json") else body
        return "application/json", json.dumps(self._route(method, path, query, given)).encode()

    def _log(self, path, query):
        if self.logs_at == "page" and path == "/k8s/pod/logs":
            pod = query["podname"]
        elif self.logs_at == "page" and not path.startswith("/apis/v2beta1/"):
            return "text/html; charset=utf-8", INDEX
        elif found := re.fullmatch(r"/apis/v1alpha1/runs/[^/]+/nodes/([^/]+)/log", path):
            pod = found[1]
        elif path.startswith("/apis/v2beta1/"):
            return None
        else:
            raise Refused(404, "Not Found")
        if pod not in self.logs:
            raise Refused(500, f"Could not get main container logs: pods '{pod}' not found")
        return "text/plain", self.logs[pod].encode()

    def _route(self, method, path, query, given):
        kind, *rest = path.split("/")[3:]
        if kind == "healthz":
            return wire("V2beta1GetHealthzResponse", multi_user=self.multi_user)
        if method == "GET" and rest and kind == "runs":
            return self._look(rest[0])
        if method == "POST" and rest and rest[0].endswith(":disable"):
            return self._disable(rest[0].removesuffix(":disable"))
        if method == "POST" and kind == "pipelines":
            return self._upload(query, given, new=rest == ["upload"])
        if method == "POST":
            return {"experiments": self._experiment, "runs": self._run, "recurringruns": self._recurring}[kind](given)
        return self._list(kind, rest, query)

    def _list(self, kind, rest, query):
        versions = kind == "pipelines" and rest[-1:] == ["versions"]
        name, model, found = {
            "pipelines": ("pipelines", "V2beta1ListPipelinesResponse", self.pipelines),
            "versions": ("pipeline_versions", "V2beta1ListPipelineVersionsResponse", self.versions),
            "experiments": ("experiments", "V2beta1ListExperimentsResponse", self.experiments),
            "recurringruns": ("recurringRuns", "V2beta1ListRecurringRunsResponse", self.recurring),
            "runs": ("runs", "V2beta1ListRunsResponse", [self._seen(run, len(self.frames)) for run in self.runs]),
        }["versions" if versions else kind]
        if versions:
            found = [each for each in found if each["pipeline_id"] == rest[0]]
        if query.get("namespace") and kind == "pipelines":
            found = [each for each in found if each.get("namespace") == query["namespace"]]
        for predicate in json.loads(query.get("filter") or "{}").get("predicates", []):
            assert (predicate["operation"], predicate["key"]) == (1, "display_name")
            found = [each for each in found if each["display_name"] == predicate["stringValue"]]
        if query.get("sort_by") == "created_at desc":
            found = found[::-1]
        begin, size = int(query.get("page_token") or 0), int(query.get("page_size") or 10)
        more = str(begin + size) if begin + size < len(found) else None
        page = {name: found[begin : begin + size], "next_page_token": more, "total_size": len(found)}
        client = kfp_server_api.ApiClient()
        read = client.deserialize(SimpleNamespace(data=json.dumps(page)), model)
        held = client.sanitize_for_serialization(read)
        assert held == {key: value for key, value in page.items() if value is not None}, f"{model}: {page}"
        return held

    def _upload(self, query, body, new):
        documents = list(yaml.safe_load_all(re.search(rb"\r\n\r\n(.*)\r\n--", body, re.DOTALL)[1]))
        spec = json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec())
        if spec.schema_version != "2.1.0" or not spec.pipeline_info.name:
            raise Refused(400, "Failed to create a pipeline")
        pipeline = query.get("pipelineid") or f"pipeline-{len(self.pipelines)}"
        beside = self.pipelines if new else [each for each in self.versions if each["pipeline_id"] == pipeline]
        if query["name"] in [each["display_name"] for each in beside]:
            raise Refused(409, "Failed to create a pipeline and a pipeline version")
        name = query["name"]
        told = {"display_name": name, "created_at": BEGAN, "pipeline_id": pipeline}
        if new:
            made = wire("V2beta1Pipeline", namespace=query.get("namespace"), **told)
            self.pipelines.append(made)
        version = f"version-{len(self.versions)}"
        self.versions.append(
            wire("V2beta1PipelineVersion", pipeline_version_id=version, pipeline_spec=documents[0], **told)
        )
        return made if new else self.versions[-1]

    def _experiment(self, given):
        told = {name: given[name] for name in ("display_name", "namespace") if given.get(name)}
        self.experiments.append(wire("V2beta1Experiment", experiment_id=f"e{len(self.experiments)}", **told))
        return self.experiments[-1]

    def _accepted(self, model, given):
        """A body as the model knows it; raises Refused where the server would."""
        if "max_concurrency" in given:  # an int64: published as a string, and the server takes both
            given = {**given, "max_concurrency": str(given["max_concurrency"])}
        client = kfp_server_api.ApiClient()
        read = client.deserialize(SimpleNamespace(data=json.dumps(given)), model)
        assert client.sanitize_for_serialization(read) == given, f"{given} is no {model}"
        reference = given["pipeline_version_reference"]
        spec = next(
            each["pipeline_spec"]
            for each in self.versions
            if (each["pipeline_id"], each["pipeline_version_id"])
            == (reference["pipeline_id"], reference["pipeline_version_id"])
        )
        declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
        for name, value in given["runtime_config"].get("parameters", {}).items():
            if name not in declared:
                raise Refused(400, f"Failed to create a run: unknown parameter(s) provided: {name}")
            if not isinstance(value, _TYPES[declared[name]["parameterType"]]):
                raise Refused(400, f"Failed to create a run: parameter {name} has the wrong type")
        return given

    def _run(self, given):
        self.runs.append({**self._accepted("V2beta1Run", given), "run_id": f"run-{len(self.runs)}", "looks": 0})
        return self._seen(self.runs[-1], 0)

    def _recurring(self, given):
        made = self._accepted("V2beta1RecurringRun", given)
        assert made["trigger"]["cron_schedule"]["cron"], "no schedule"
        name = f"recurring-{len(self.recurring)}"
        self.recurring.append({**made, "recurring_run_id": name, "status": "ENABLED"})
        return self.recurring[-1]

    def _disable(self, name):
        next(each for each in self.recurring if each["recurring_run_id"] == name)["status"] = "DISABLED"
        return {}

    def _look(self, run):
        found = [each for each in self.runs if each["run_id"] == run]
        if not found:
            raise Refused(404, f"Run {run} not found")
        found[0]["looks"] += 1
        return self._seen(found[0], found[0]["looks"])

    def _seen(self, run, look):
        """A run as it is told at its n-th look; 0: when it was created."""
        now, nodes = self.frames[min(look, len(self.frames)) - 1] if look else ("PENDING", {})
        ended = {"finished_at": BEGAN + datetime.timedelta(seconds=90)} if now in ("SUCCEEDED", "FAILED") else {}
        error = {"error": run_status(self.run_error)} if self.run_error and now == "FAILED" else {}
        tasks = [task(name, state(each), place) for place, (name, each) in enumerate(nodes.items())]
        return wire(
            "V2beta1Run", run_id=run["run_id"], display_name=run["display_name"], experiment_id=run["experiment_id"],
            state=state(now), created_at=BEGAN, run_details=kfp_server_api.V2beta1RunDetails(task_details=tasks),
            **ended, **error,
        )  # fmt: skip


def task(name, now, place):
    """A node of Argo as the API tells it: its own id is left out, its children's ids are called pods."""
    children = [kfp_server_api.PipelineTaskDetailChildTask(pod_name=node(name)[0])]
    return kfp_server_api.V2beta1PipelineTaskDetail(
        display_name=name, state=now, start_time=BEGAN + datetime.timedelta(seconds=place), child_tasks=children
    )


def run_status(message):
    """The published model of an error, whose name has changed."""
    kind = getattr(kfp_server_api, "GoogleRpcStatus", None) or kfp_server_api.GooglerpcStatus
    return kind(code=2, message=message)


def _handler(api):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, or each answer waits 40 ms for the other side's

        def _serve(self):
            address = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(address.query))
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if api.gone:
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, (kind, text) = 200, api.answer(self.command, address.path, query, headers, body)
            except Refused as refused:
                words = json.dumps({"code": 2, "message": refused.message, "details": []})
                status, kind, text = refused.status, "application/json", words.encode()
            except Exception as error:  # of the fake: the test has to see it
                status, kind, text = 501, "text/plain", f"the fake: {type(error).__name__}: {error}".encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

        def log_message(self, *_):
            pass

    return Handler
