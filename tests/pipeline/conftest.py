"""A fake of Kubeflow's API, for its client and for the commands that use it."""

import importlib.util
import pathlib

import pytest

_FAKE = pathlib.Path(__file__).parent / "runners" / "kubeflow" / "fake_api.py"
PARAMETERS = {
    "data": {"parameterType": "STRING", "defaultValue": "s3://logs/*.csv"},
    "epochs": {"parameterType": "NUMBER_INTEGER", "defaultValue": 10},
    "window": {"parameterType": "NUMBER_INTEGER", "defaultValue": 50},
}


@pytest.fixture(scope="session")
def fake_api():
    """The module: nobody imports `tests.…`."""
    spec = importlib.util.spec_from_file_location("fake_api", _FAKE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def api(fake_api, monkeypatch, tmp_path):
    """A server of Kubeflow's API; the environment and the home folder say nothing about another."""
    for name in ("ENDPOINT", "UI_ENDPOINT", "TOKEN", "COOKIE", "SA_TOKEN_PATH"):
        monkeypatch.delenv(f"KF_PIPELINES_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    served = fake_api.FakeApi()
    yield served
    served.close()


@pytest.fixture
def spec():
    """A small PipelineSpec, schema 2.1.0: two stages, the parameters of the chain."""
    container = {"image": "seqrank:1", "command": ["true"]}
    return {
        "schemaVersion": "2.1.0",
        "sdkVersion": "tfx",
        "pipelineInfo": {"name": "chain"},
        "components": {name: {"executorLabel": f"{name}_executor"} for name in ("Gen", "Trainer")},
        "deploymentSpec": {"executors": {f"{name}_executor": {"container": container} for name in ("Gen", "Trainer")}},
        "root": {
            "inputDefinitions": {"parameters": PARAMETERS},
            "dag": {
                "tasks": {
                    "Gen": {"taskInfo": {"name": "Gen"}, "componentRef": {"name": "Gen"}},
                    "Trainer": {
                        "taskInfo": {"name": "Trainer"},
                        "componentRef": {"name": "Trainer"},
                        "dependentTasks": ["Gen"],
                    },
                }
            },
        },
    }
