"""Tables show what is in the data as it is: never as markup of the terminal's, never cut."""

import dataclasses
import io
import json
import pathlib

import pytest
from rich.console import Console

from benchmarks import made_results
from inspection import compare, contents, lineage, results, tables

MARKUP = (
    "[red]",
    "[bold]x[/bold]",
    "[/]",
    "[link=https://example.com]here",
    "<script>alert(1)</script>",
    ":smile:",
    "a\\[b",
)


def _text(table, width=400):
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue()


@pytest.fixture(params=MARKUP)
def markup(request):
    return request.param


def test_ids_names_and_addresses_of_runs_and_artifacts_are_shown_as_they_are(store, markup):
    line = dataclasses.replace(store.runs()[0], id=markup, pipeline=f"p{markup}", state=f"s{markup}")
    for part in (line.id, line.pipeline, line.state):
        assert part in _text(tables.runs([line]))
    artifact = dataclasses.replace(store.artifacts()[0], type=markup, uri=f"/data/{markup}/x")
    shown = _text(tables.artifacts([artifact]))
    assert f"/data/{markup}/x" in shown
    assert shown.count(markup) == 2


def test_a_runs_stages_files_and_verdict_are_shown_as_they_are(store, markup):
    run = store.run("2026-02-01")
    made_results.write(run, file=markup)
    stages = tuple(dataclasses.replace(stage, name=f"N{markup}") for stage in run.stages)
    came = dataclasses.replace(results.of(run), why=f"because {markup}", pushed=f"/to/{markup}")
    shown = _text(tables.run(dataclasses.replace(run, stages=stages), came))
    for part in (f"{markup}  100 rows, 3 rejected", f"N{markup}", f"because {markup}", f"Served from /to/{markup}"):
        assert part in shown


def test_lineage_is_shown_as_it_is(store, markup):
    run = store.run("2026-02-01")
    source = store.run("2026-01-03")  # whose data stages it took
    made_results.write(source, file=markup)
    found = lineage.upstream(store, run.stage("Trainer").output("model"))
    steps = {
        number: dataclasses.replace(
            step, run=f"R{markup}", stage=dataclasses.replace(step.stage, properties={"options": markup})
        )
        for number, step in found.steps.items()
    }
    shown = _text(tables.upstream(dataclasses.replace(found, steps=steps)))
    for part in (f"{markup}  sha256 abababababababab…", f"in R{markup}", f"options={markup}"):
        assert part in shown
    down = lineage.downstream(store, [store.artifact("2026-01-03/InteractionExampleGen.examples")])
    steps = {number: dataclasses.replace(step, run=f"R{markup}") for number, step in down.steps.items()}
    assert f"R{markup}" in _text(tables.downstream(dataclasses.replace(down, steps=steps)))


def test_differences_are_shown_as_they_are(store, markup):
    change = compare.Change(f"trainer.{markup}", markup, None)
    found = compare.Comparison(f"A{markup}", f"B{markup}", (change,), (), (change,), (), ())
    shown = _text(tables.comparison(found))
    assert f"A{markup} -> B{markup}" in shown
    assert shown.count(f"trainer.{markup}") == 2
    assert "(not there)" in shown
    assert "CODE: the same" in shown


def test_contents_are_shown_as_they_are(store, markup):
    artifact = store.artifact("2026-02-01/Evaluator.evaluation")
    table = contents.Table("rows.parquet", 7, (markup, "b"), ((f"1{markup}", f"2{markup}"),))
    text = contents.Text("a.json", json.dumps({"id": markup}), cut=True)
    found = contents.Contents(artifact, (contents.File(f"{markup}.txt", 12_345),), (table,), (text,))
    shown = _text(tables.contents(found))
    for part in (f"{markup}.txt", "12,345", f"1{markup}", "rows.parquet: 7 rows, the first 1", "a.json, the beginning"):
        assert part in shown
    assert json.dumps(markup)[1:-1] in shown


def test_a_narrow_terminal_folds_and_cuts_nothing(store):
    artifact = store.artifacts()[0]
    shown = "".join(_text(tables.artifacts([artifact]), width=60).split())
    assert pathlib.Path(artifact.uri).name in shown
    assert "…" not in shown


def test_a_deleted_artifact_says_so(store):
    found = contents.Contents(store.artifacts()[0], (), (), ())
    assert "it was deleted" in _text(tables.contents(found))


def test_a_sure_difference_has_its_sign_and_interval():
    figure = compare.Difference("test ndcg@10", 0.10, 0.13, 0.02, 0.04)
    unpaired = compare.Difference("valid ndcg@10", None, 0.13)
    hidden = compare.Difference("test hr@1", 0.1, 0.2)
    shown = _text(tables.comparison(compare.Comparison("a", "b", (), (), (), (), (figure, unpaired, hidden))))
    assert "+0.0300" in shown
    assert "+0.0200 to +0.0400" in shown
    assert "hr@1 " not in shown
