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
    """Processes of a chief and a worker that find each other by TF_CONFIG, as on two machines of a cluster."""

    def __init__(self):
        sockets = [socket.socket() for _ in range(2)]
        for free in sockets:
            free.bind(("localhost", 0))
        chief, worker = (f"localhost:{free.getsockname()[1]}" for free in sockets)
        for free in sockets:
            free.close()
        self.cluster, self.started = {"chief": [chief], "worker": [worker]}, []

    def config(self, kind):
        """TF_CONFIG as Kubeflow's training operator writes it."""
        return json.dumps({"cluster": self.cluster, "task": {"type": kind, "index": 0}, "environment": "cloud"})

    def start(self, kind, command):
        """A process of the command, with this tree's modules."""
        known = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
        environment = {**known, "TF_CONFIG": self.config(kind), "PYTHONPATH": os.getcwd()}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.started.append(process)
        return process


@pytest.fixture
def machines():
    """Two machines; what still runs in the end is killed."""
    made = Machines()
    yield made
    for process in made.started:
        process.kill()
        process.communicate()
