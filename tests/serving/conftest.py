"""Small exported models in versions, an application over them, and servers that really listen."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import httpx
import polars as pl
import pytest
import uvicorn

ITEMS, WINDOW, K = [f"i{n}" for n in range(30)], 6, 20


class OnceAskedFor(dict):
    """A mapping whose values are made when they are first asked for: an export takes ten seconds."""

    def __init__(self, make):
        super().__init__()
        self._make = make

    def __missing__(self, key):
        self[key] = self._make(key)
        return self[key]


@pytest.fixture(scope="session")
def exports(tmp_path_factory, export_plainly):
    """Folders of three models by name: "first" and "second" are recurrent, "stateless" isn't."""
    import numpy as np
    import tensorflow as tf

    from ranker.catalogue import Catalogue
    from ranker.model import SequenceRanker
    from ranker.options import ModelOptions
    from schemas.models import EXPORTED_ITEMS

    catalogue = Catalogue(np.array(ITEMS), np.arange(30, 0, -1), 0, gaps=4, window=WINDOW, mask_seen=True)
    table = pl.DataFrame(
        {
            "item_id": ITEMS,
            "title": [f"The {item}" for item in ITEMS],
            "feature_genres": [[("drama", "comedy", "war")[n % 3], "even" if n % 2 == 0 else "odd"] for n in range(30)],
        }
    )
    architectures = {
        "first": {"name": "lstm", "units": 6},
        "second": {"name": "lstm", "units": 6},
        "stateless": {"name": "sasrec"},
    }

    def make(name):
        seed, architecture = list(architectures).index(name), architectures[name]
        tf.keras.utils.set_random_seed(seed)
        model = SequenceRanker(ModelOptions(embedding_dim=8, architecture=architecture), catalogue)
        for variable in model.trainable_variables:  # untrained weights would hardly depend on the history
            variable.assign(tf.random.stateless_normal(variable.shape, [seed, variable.shape.num_elements()]))
        folder = tmp_path_factory.mktemp(name) / "model"
        export_plainly(model, folder, recommendations=K)
        (folder / EXPORTED_ITEMS).parent.mkdir(exist_ok=True)
        table.write_parquet(folder / EXPORTED_ITEMS)
        return folder

    return OnceAskedFor(make)


@pytest.fixture(scope="session")
def rankers(exports):
    """The same, loaded."""
    from ranker import saved

    return OnceAskedFor(lambda name: saved.load(exports[name]))


@pytest.fixture
def publish(tmp_path, exports):
    """A function that puts a model into a target's next version as Pusher does: by a rename. Returns the target."""

    def put(name, version):
        target = tmp_path / "target"
        target.mkdir(exist_ok=True)
        shutil.copytree(exports[name], target / ".staging")
        os.rename(target / ".staging", target / str(version))
        return target

    return put


@contextlib.contextmanager
def listening(app):
    """A real server in a thread: its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, exports):
    """A client of one application for the tests of a file that change nothing but users' events."""
    from serving.app import create_app
    from serving.options import Options

    target = tmp_path_factory.mktemp("shared")
    shutil.copytree(exports["first"], target / "7")
    app = create_app(str(target), Options(limits={"body_bytes": 20_000, "history": 50, "exclude": 20, "rows": 8}))
    with listening(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        client.app = app
        yield client


class Process:
    """`python -m serving` as an operator starts it."""

    def __init__(self, place, log, options=None, env=None):
        self.log = log
        command = [sys.executable, "-m", "serving", "--model", str(place), "--port", "0"]
        with open(log, "wb") as out:
            command += ["--options", json.dumps(options or {})]
            self.process = subprocess.Popen(command, stderr=out, stdout=out, env={**os.environ, **(env or {})})

    def address(self, seconds=120):
        """Once it is ready."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"Listening on (\S+) for", self.log.read_text())
            if found and "is served" in self.log.read_text():
                return found[1]
            time.sleep(0.1)
        raise AssertionError(self.log.read_text()[-3000:])

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)


@pytest.fixture
def start(tmp_path):
    """A function that starts a server as a process; it ends with the test."""
    started = []

    def run(place, options=None, env=None):
        started.append(Process(place, tmp_path / f"server-{len(started)}.log", options, env))
        return started[-1]

    yield run
    for process in started:
        process.end()


@pytest.fixture
def run_async():
    """asyncio.run, for tests of coroutines."""
    return asyncio.run


@pytest.fixture(scope="session")
def serve_app():
    """`listening`, for tests that make an application of their own."""
    return listening
