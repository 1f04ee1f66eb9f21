"""Made runs in a real store."""

import importlib.util
import pathlib

import pytest

from benchmarks.made_runs import FROM_CACHE, MadeRuns
from inspection.connection import sqlite_store
from inspection.store import Store


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Four runs: one that did all, one from the cache up to Trainer, one that failed in Evaluator, one more."""
    runs = MadeRuns(tmp_path_factory.mktemp("made"))
    runs.add("2026-01-01T000000", dropout=0.3)
    runs.add("2026-01-02T000000", cached=FROM_CACHE, dropout=0.4)
    runs.add("2026-01-03T000000", failed="Evaluator", dropout=0.5)
    runs.add("2026-02-01T000000", cached=FROM_CACHE, dropout=0.5)
    return runs


@pytest.fixture
def store(made):
    return Store(sqlite_store(made.root / "metadata.sqlite"))


@pytest.fixture(scope="session")
def kubeflow():
    """The module of Kubeflow's metadata service; nobody imports `tests.…`."""
    path = pathlib.Path(__file__).with_name("kubeflow.py")
    spec = importlib.util.spec_from_file_location("kubeflow_metadata", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
