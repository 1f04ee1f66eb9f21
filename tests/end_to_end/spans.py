"""A log that grows span by span: three runs in a row, each from the model of the one before."""

import io
import json
import pathlib
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.config import load
from pipeline.runners import local

pytestmark = pytest.mark.timeout(3600)  # five runs in one fixture: minutes, on a busy machine
USERS, ITEMS, EVENTS = 120, 30, 8  # events of a user in each span
ORDER = (1, 1, 2, 2, 3)  # newest span of each run; the second of a pair has nothing new
KNOBS = [
    "example_gen.spans.window=2", "trainer.warm_start=true", "trainer.epochs=2",
    "trainer.batch_size=16", "trainer.learning_rate=0.01", "trainer.model.architecture.units=32",
]  # fmt: skip


def _write(folder, span):
    """Each item is followed by the next one of a ring, over the edges of spans, too; each span has items of its own.

    The last two items of a user in each span, its labels, occur nowhere else for the first user.
    """
    begin = np.random.default_rng(0).integers(ITEMS, size=USERS) + EVENTS * (span - 1)
    items = (begin[:, None] + np.arange(EVENTS)) % ITEMS
    names = np.char.add("i", items.astype(str)).astype(object)
    names[1, 0] = f"new-{span}"
    names[0, -2:] = [f"held-out-valid-{span}", f"held-out-test-{span}"]
    times = 86_400 * (EVENTS * (span - 1) + np.arange(EVENTS))
    lines = [f"u{user},{item},{time}" for user, row in enumerate(names) for item, time in zip(row, times, strict=True)]
    (folder / f"log-{span}.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(lines) + "\n")


def _run(folder, root):
    """One run to its end: its summary and its log. All in one process, since importing TFX takes as long as a stage."""
    told = [f"example_gen.data=['{folder}/log-{{SPAN}}.csv']", f"run.output_root={root}", *KNOBS]
    summary = local.run(load(None, told), Console(file=io.StringIO()))
    return summary, (root / "latest" / "run.log").read_text()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The output root, and what each run ended with."""
    folder, root = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("root") / "runs"
    ended = []
    for span in ORDER:
        _write(folder, span)
        ended.append(_run(folder, root))
    return root, ended


def _found(log, words):
    """What a run's log says that was found: the path of a published model, or that there is none."""
    return re.findall(rf"{words}: (.+)", log)[-1]


def test_each_new_span_is_read_with_the_one_before_and_ends_in_a_version_that_says_so(runs):
    root, ended = runs
    assert [summary.spans for summary, _ in ended] == [[1], [1], [1, 2], [1, 2], [2, 3]]
    assert [summary.pushed for summary, _ in ended] == [True, False, True, False, True]
    versions = sorted((root / "serving" / "movielens").glob("[0-9]*"), key=lambda path: int(path.name))
    manifests = [json.loads((version / "manifest.json").read_text()) for version in versions]
    assert [manifest["spans"] for manifest in manifests] == [[1], [1, 2], [2, 3]]
    assert [[file["span"] for file in manifest["data"]] for manifest in manifests] == [[1], [1, 2], [2, 3]]


def test_a_run_without_a_new_span_is_all_cached(runs):
    for summary, _ in (runs[1][1], runs[1][3]):
        assert all(stage.cached for stage in summary.stages.values())


def test_a_new_span_begins_with_the_model_of_the_one_before_and_is_judged_against_it(runs):
    _, ended = runs
    models = [summary.pushed_model for summary, _ in ended]
    assert models[0] == models[1]
    assert models[2] == models[3]
    starts = [_found(log, "Training begins with") for _, log in ended]
    assert starts == ["no published model"] * 2 + [models[0]] * 2 + [models[2]]
    judged = [_found(log, "Latest blessed model") for _, log in ended]
    assert judged == ["none"] * 2 + [models[0]] * 2 + [models[2]]
    rows = pq.read_table(pathlib.Path(ended[4][0].paths["evaluation"]) / "per_user")
    assert rows.num_rows == 2 * USERS
    assert rows["baseline_rank"].null_count == 0


def test_labels_are_of_the_newest_span_and_its_held_out_items_are_in_no_vocabulary(runs):
    root, _ = runs
    graphs = sorted(root.glob("artifacts/Transform/transform_graph/*"), key=lambda path: int(path.name))
    reports = sorted(root.glob("artifacts/SequenceGen/report/*"), key=lambda path: int(path.name))
    for span, graph, report in zip((1, 2, 3), graphs, reports, strict=True):
        (file,) = graph.glob("transform_fn/assets/items*")
        items = set(file.read_text().split())
        read = [each for each in (span - 1, span) if each]
        assert {item for item in items if item.startswith("new-")} == {f"new-{each}" for each in read}
        before = {f"held-out-{split}-{each}" for each in read[:-1] for split in ("valid", "test")}  # history by now
        assert {item for item in items if item.startswith("held-out-")} == before
        counts = json.loads((report / "sequences.json").read_text())
        assert counts["newest_span"] == span
        assert counts["examples"]["valid"] == counts["examples"]["test"] == USERS
        assert counts["training_labels"] == USERS * (EVENTS - 2) - (USERS if span == 1 else 0)
