"""Made runs with figures, served by a real server, and a real browser to look at them."""

import contextlib
import json
import pathlib
import threading
import time

import httpx
import pytest
import uvicorn

from benchmarks.made_runs import FROM_CACHE, MadeRuns
from inspection.connection import sqlite_store
from inspection.store import Store
from inspection.ui.app import create_app
from schemas import contents

SCRIPT = "<script>alert(1)</script>"
CHROMIUM = pathlib.Path("/usr/bin/chromium")
OLD, MIDDLE, FAILED, NEW = "2026-01-01T000000", "2026-01-02T000000", "2026-01-03T000000", "2026-02-01T000000"


def figures(ndcg):
    metric = {"ndcg@10": {"value": ndcg, "low": ndcg - 0.01, "high": ndcg + 0.01}}
    return {split: {model: {"overall": metric} for model in ("candidate", "popularity")} for split in ("test", "valid")}


def put(store, run, ndcg, blessed, why):
    """Leaves what an Evaluator leaves."""
    folder = pathlib.Path(store.run(run).stage("Evaluator").output("evaluation").uri)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / contents.METRICS_FILE).write_text(json.dumps(figures(ndcg)))
    told = {"blessed": blessed, "why": why, "checks": [{"name": "a", "passed": blessed, "why": why, "figures": {}}]}
    (folder / contents.BLESSING_FILE).write_text(json.dumps(told))


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """Five runs; the newest is named by a script, and so is an item that it read."""
    made = MadeRuns(tmp_path_factory.mktemp("ui"))
    made.add(OLD, dropout=0.3)
    made.add(MIDDLE, cached=FROM_CACHE, dropout=0.4)
    made.add(FAILED, failed="Evaluator", dropout=0.5)
    made.add(NEW, cached=FROM_CACHE, dropout=0.5)
    made.add(SCRIPT, dropout=SCRIPT)
    store = Store(sqlite_store(made.root / "metadata.sqlite"))
    put(store, OLD, 0.1, True, "Good enough.")
    put(store, NEW, 0.2, False, f"Not good enough {SCRIPT}.")
    rejected = pathlib.Path(store.run(SCRIPT).stage("InteractionExampleGen").output("rejected").uri)
    rejected.mkdir(parents=True)
    read = {"name": f"logs/{SCRIPT}.csv", "size": 10, "sha256": "ab" * 32, "read": 3, "rejected": 1}
    (rejected / contents.READ_COUNTS_FILE).write_text(json.dumps({"read": 3, "rejected": 1, "files": [read]}))
    (rejected / contents.REJECTED_CSV).write_text(f"item\n{SCRIPT}\n")
    return made.root


def store_at(root):
    return lambda: Store(sqlite_store(root / "metadata.sqlite"), limit=0.5)


@contextlib.contextmanager
def serve(open_store, **told):
    """A client of a real server."""
    app = create_app(open_store, **told)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        yield client
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def client(root):
    with serve(store_at(root), place=str(root)) as client:
        yield client


@pytest.fixture(scope="session")
def store(root):
    return store_at(root)()


@pytest.fixture(scope="module")  # while Playwright is open, its event loop runs, and tests that have their own fail
def chromium():
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium at /usr/bin/chromium (Debian, Ubuntu: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()
