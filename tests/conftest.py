"""What every test needs before TensorFlow is imported, and an object store for those that ask for one."""

import contextlib
import importlib.util
import json
import os
import pathlib
import re
import socket
import socketserver
import subprocess
import sys
import threading
import uuid

import pytest

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture(scope="session", autouse=True)
def _arguments_of_pytest_alone():
    """Hides pytest's arguments: TFX's Beam executors look for absl's flags there, and take `-v` for a verbosity."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", sys.argv[:1])
        yield


@pytest.fixture(scope="session")
def s3_server():
    """A real S3 server (moto's), on a port of this machine: (host, port)."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """A bucket of the test's own on it, with the environment that leads there."""
    import boto3

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    url = "http://{}:{}".format(*s3_server)
    told = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-1"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    session = boto3.resource("s3", endpoint_url=url, region_name="us-east-1",
                             aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
    return session.create_bucket(Bucket=f"bucket-{uuid.uuid4().hex}")


@pytest.fixture
def wire(s3, s3_server, monkeypatch):
    """The way to the store, which fails as it is told; the environment leads through it."""
    proxy = Wire(s3_server)
    threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*proxy.server_address))
    yield proxy
    proxy.closing.set()
    proxy.shutdown()
    proxy.server_close()


class Wire(socketserver.ThreadingTCPServer):
    """A TCP proxy before a server: real sockets, cut or silent where it is told. `mend` makes it whole again.

    Args of `fail`:
        sent: bytes that still go from clients to the server; got: bytes that still go back. None: no limit.
        requests: requests that still go through.
        at: pattern of a request line that no longer does, or only with the first `then` bytes.
        answered: False: such a request goes through, its answer doesn't.
        stall: True: nothing moves any more and connections stay open; else they are reset.
        times: how many connections fail; None: all of them, until mended.
    """

    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, upstream):
        self.upstream, self._lock = upstream, threading.Lock()
        self.closing = threading.Event()
        self.mend()
        super().__init__(("127.0.0.1", 0), _Connection)

    def mend(self):
        with self._lock:
            self.lines, self.failed = [], 0
            self._sent = self._got = self._requests = self._at = self._times = None
            self._answered, self._stall, self._down, self._then = True, False, False, None

    def fail(self, *, sent=None, got=None, requests=None, at=None, then=None, answered=True, stall=False, times=None):
        with self._lock:
            self._sent, self._got, self._requests, self._at = sent, got, requests, at and re.compile(at)
            self._answered, self._stall, self._times, self._then = answered, stall, times, then

    def pass_on(self, data, connection, *, back):
        """What of some bytes goes on; None: all of it. Fewer: the connection fails behind them."""
        with self._lock:
            if self._down or (back and connection.lost and not data.startswith(b"HTTP/1.1 100")):  # that's no answer
                return self._fail(connection, 0)
            if back:
                return self._count("_got", data, connection)
            line = re.match(rb"(GET|PUT|POST|HEAD|DELETE) \S+", data)
            if line:
                self.lines.append(line[0].decode())
                if self._requests is not None:
                    self._requests -= 1
                if (self._requests or 0) < 0 or (self._at and self._at.search(self.lines[-1])):
                    if self._then is not None:
                        self._sent, self._at = self._then, None
                    elif self._answered:
                        return self._fail(connection, 0)
                    else:
                        connection.lost = True
            return self._count("_sent", data, connection)

    def _count(self, name, data, connection):
        left = getattr(self, name)
        if left is None:
            return None
        setattr(self, name, max(left - len(data), 0))
        return None if len(data) < left else self._fail(connection, left)

    def _fail(self, connection, passed):
        if not connection.failed:
            connection.failed = True
            self.failed += 1
            self._down = self._times is None or self.failed < self._times
            if not self._down:  # the last one to fail: the next ones don't
                self._sent = self._got = self._requests = self._at = None
        return passed

    @property
    def stalls(self):
        return self._stall


class _Connection(socketserver.BaseRequestHandler):
    lost = False  # what comes back doesn't arrive
    failed = False

    def handle(self):
        with socket.create_connection(self.server.upstream) as upstream:
            self._ends = (self.request, upstream)
            back = threading.Thread(
                target=self._pump, args=(upstream, self.request), kwargs={"back": True}, daemon=True
            )
            back.start()
            self._pump(self.request, upstream, back=False)
            back.join()

    def _pump(self, source, target, *, back):
        try:
            while data := source.recv(1 << 16):
                passed = self.server.pass_on(data, self, back=back)
                target.sendall(data if passed is None else data[:passed])
                if passed is not None:
                    return self._break()
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return None

    def _break(self):
        if self.server.stalls:
            self.server.closing.wait()
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Machines:
    """Processes of a chief and a worker that find each other by TF_CONFIG, as on two machines of a cluster.

    Args:
        folder: for what they say.
    """

    def __init__(self, folder):
        sockets = [socket.socket() for _ in range(2)]
        for free in sockets:
            free.bind(("localhost", 0))
        chief, worker = (f"localhost:{free.getsockname()[1]}" for free in sockets)
        for free in sockets:
            free.close()
        self.folder, self.started = folder, []
        self.cluster = {"chief": [chief], "worker": [worker]}

    def config(self, kind):
        """TF_CONFIG as Kubeflow's training operator writes it."""
        return json.dumps({"cluster": self.cluster, "task": {"type": kind, "index": 0}, "environment": "cloud"})

    def start(self, kind, command):
        """A process of the command, with this tree's modules."""
        environment = {**os.environ, "TF_CONFIG": self.config(kind), "PYTHONPATH": os.getcwd()}
        name = f"{self.folder}/{kind}-{len(self.started)}"
        with open(f"{name}.out", "wb") as out, open(f"{name}.err", "wb") as err:
            process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        process.name = name
        self.started.append(process)
        return process

    def said(self, process, stream="err"):
        """What a process wrote so far."""
        with open(f"{process.name}.{stream}", encoding="utf-8", errors="replace") as file:
            return file.read()


@pytest.fixture
def machines(tmp_path_factory):
    """Two machines; what still runs in the end is killed."""
    made = Machines(tmp_path_factory.mktemp("machines"))
    yield made
    for process in made.started:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def imitation():
    """The module that does what Kubeflow's driver and launcher do."""
    path = pathlib.Path(__file__).parent / "pipeline" / "runners" / "kubeflow" / "imitation.py"
    spec = importlib.util.spec_from_file_location("imitation", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["imitation"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def export_plainly():
    """Exports a model, as ranker.export.export does, with a transform of plain TensorFlow in place of TFT's."""
    import tensorflow as tf

    from ranker import export
    from schemas import features as f

    lists = {f.HISTORY: tf.string, f.HISTORY_TIMESTAMP: tf.int64, f.LABEL: tf.string, f.SEEN: tf.string}
    spec = {name: tf.io.VarLenFeature(kind) for name, kind in lists.items()}
    spec[f.USER_ID], spec[f.LOSS_FROM] = (tf.io.FixedLenFeature([1], kind) for kind in (tf.string, tf.int64))

    class Transform(tf.Module):
        """Ids in the order of `items`; whatever is later than 0 comes after a gap."""

        def __init__(self, items):
            super().__init__()
            ids = tf.range(f.FIRST_ITEM, f.FIRST_ITEM + len(items), dtype=tf.int64)
            self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(items, ids), f.UNKNOWN)

        def __call__(self, raw):
            strings = {name: raw[name] for name, kind in lists.items() if kind is tf.string}
            ids = {name: column.with_values(self.table.lookup(column.values)) for name, column in strings.items()}
            times = raw[f.HISTORY_TIMESTAMP]
            gaps = times.with_values(tf.minimum(times.values, 1))
            return {**ids, f.HISTORY_GAP: gaps, f.LOSS_FROM: raw[f.LOSS_FROM]}

    def exported(model, folder, recommendations):
        transform = Transform(model.catalogue.items.astype(str))
        export.export(model, transform, spec, str(folder), recommendations=recommendations)

    return exported
