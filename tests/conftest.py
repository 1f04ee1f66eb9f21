"""What every test needs before TensorFlow is imported."""

import json
import os
import socket
import subprocess
import sys

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
