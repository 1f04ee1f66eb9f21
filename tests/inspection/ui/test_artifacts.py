"""Pages of artifacts, and their files: those that the store knows, and no others."""

import pathlib

import pytest

from inspection.ui import graph
from inspection.ui.layout import HEIGHT

from .conftest import NEW, SCRIPT, serve, store_at
from .test_runs import text


@pytest.fixture
def rejected(store):
    return store.run(SCRIPT).stage("InteractionExampleGen").output("rejected")


def test_artifacts_are_listed_by_type(client):
    answer = client.get("/artifacts?type=Model")
    assert answer.status_code == 200
    assert "PushedModel" in text(answer)  # among the types
    assert answer.text.count('<th scope="row"') == 5
    assert client.get("/artifacts?type=Nothing").status_code == 404


def test_an_artifact_shows_who_made_and_read_it_and_what_lies_in_it(client, rejected):
    answer = client.get(f"/artifact?id={rejected.id}")
    shown = text(answer)
    assert f"InteractionExampleGen in {SCRIPT}" in shown
    assert f"DataGate in {SCRIPT}" in shown
    assert "counts.json" in shown
    assert f"item {SCRIPT}" in shown
    assert "<script" not in answer.text


def test_an_artifact_that_lies_nowhere_says_so(client, store):
    model = store.run(NEW).stage("Trainer").output("model")
    assert "Nothing lies there" in text(client.get(f"/artifact?id={model.id}"))


def test_a_file_is_sent_to_be_kept(client, rejected):
    answer = client.get("/file", params={"artifact": rejected.id, "name": "rejected.csv"})
    assert answer.text == f"item\n{SCRIPT}\n"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


OTHERS = [
    *("", ".", "..", "none.csv", "./rejected.csv", "a/../rejected.csv", "rejected.csv\0", "/etc/passwd"),
    *("../rejected.csv", "../../../../metadata.sqlite", "..%2f..%2f..%2f..%2fmetadata.sqlite"),
]


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_not_sent(client, rejected, name):
    assert client.get("/file", params={"artifact": rejected.id, "name": name}).status_code == 404


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"]
)
def test_nothing_beside_the_static_files_is_sent(client, path):
    assert client.get(path).status_code == 404


def test_a_link_that_leads_out_of_an_artifact_is_not_followed(client, rejected, tmp_path):
    (tmp_path / "secret").write_text("secret")
    link = pathlib.Path(rejected.uri) / "link.csv"
    link.symlink_to(tmp_path / "secret")
    try:
        assert client.get("/file", params={"artifact": rejected.id, "name": "link.csv"}).status_code == 404
        assert "secret" not in text(client.get(f"/artifact?id={rejected.id}"))
    finally:
        link.unlink()


def test_lineage_goes_both_ways_with_a_node_for_each_artifact_and_stage(client, store):
    model = store.run(NEW).stage("Pusher").output("pushed_model")
    up = client.get(f"/lineage?id={model.id}").text
    for stage in ("Pusher", "Evaluator", "Trainer", "Transform", "SequenceGen", "InteractionExampleGen"):
        assert f'aria-label="{stage}, stage of run' in up
    assert "StatisticsGen" not in up
    examples = store.run(SCRIPT).stage("InteractionExampleGen").output("examples")
    down = client.get(f"/lineage?id={examples.id}&way=down")
    assert "PushedModel" in down.text
    assert "<script" not in down.text
    assert client.get(f"/lineage?id={model.id}&way=across").status_code == 400
    assert "Nothing has been made from it yet" in text(client.get(f"/lineage?id={model.id}&way=down"))


def test_a_lineage_over_very_many_runs_is_cut_and_says_so(tmp_path):
    from benchmarks.made_runs import FROM_CACHE, MadeRuns

    made = MadeRuns(tmp_path)
    for number in range(40):
        made.add(f"run-{number}", cached=FROM_CACHE if number else ())
    with serve(store_at(tmp_path)) as client:
        answer = client.get("/lineage?id=run-0/InteractionExampleGen.examples&way=down")
        assert f"the nearest {graph.MOST} stages" in text(answer)
        assert answer.text.count('class="node stage') == graph.MOST


def test_a_drawing_has_each_node_once_and_a_list_with_all_of_them(store):
    from inspection import lineage

    found = lineage.upstream(store, store.artifact(f"{NEW}/Pusher.pushed_model"))
    drawing = graph.draw(found, graph.UP)
    assert len(drawing.nodes) == len(found.artifacts) + len(found.steps)
    assert all(node.y + HEIGHT <= drawing.height for node in drawing.nodes)

    def names(branches):
        return {each.node.name for each in branches} | {name for each in branches for name in names(each.below)}

    assert names(drawing.tree) == {node.name for node in drawing.nodes}
