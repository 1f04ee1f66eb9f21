"""`seqrank report`, as a process: what it loads, what it costs, and where the page lies."""

import json
import pathlib
import resource
import subprocess
import sys

import pytest

from benchmarks.made_runs import MadeRuns

ROOT = pathlib.Path(__file__).resolve().parents[3]
RUN = "2026-01-01T000000"
CALL = """
import json, sys
from pipeline.cli.__main__ import app
try:
    app(sys.argv[1:])
except SystemExit as done:
    print(json.dumps([done.code, [name for name in ("tensorflow", "tfx", "apache_beam") if name in sys.modules]]))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    made = MadeRuns(tmp_path_factory.mktemp("runs"))
    made.add(RUN)
    return made.root


def call(*words):
    done = subprocess.run(
        [sys.executable, "-c", CALL, "report", *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_the_page_lies_in_the_runs_folder_and_costs_no_tensorflow(root):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path, left = call("latest", "--output", root)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert pathlib.Path(path) == root / RUN / "report.html"
    assert f"<h1>{RUN}</h1>" in pathlib.Path(path).read_text(encoding="utf-8")
    assert json.loads(left) == [0, []]
    assert (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5
    )  # of its own: the machine may be busy


def test_another_place_can_be_named(root, tmp_path):
    path, _ = call(RUN[:12], "--output", root, "--to", tmp_path / "a" / "page.html")
    assert pathlib.Path(path) == tmp_path / "a" / "page.html"
    assert pathlib.Path(path).is_file()
