"""Records as tables for a terminal. Whatever comes from data is shown as it is, never as markup."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from inspection.records import FAILED, RUNNING, SUCCEEDED
from inspection.results import SHOWN, TEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from inspection.compare import Comparison, Difference
    from inspection.contents import Contents
    from inspection.lineage import Lineage, Step
    from inspection.records import Artifact, Run, RunLine, Stage
    from inspection.results import Metric, Results

COLOURS: Final = {SUCCEEDED: "green", FAILED: "bold red", RUNNING: "cyan"}
_GONE: Final = "Nothing can be read there: it was deleted, or its store can't be reached from here."
_TIME: Final = "%Y-%m-%d %H:%M:%S"


def runs(found: Sequence[RunLine]) -> Table:
    """A line a run."""
    table = _table("RUN", "PIPELINE", "STATE", "STARTED (UTC)", "TOOK", "STAGES", "CACHED")
    for run in found:
        table.add_row(
            Text(run.id), Text(run.pipeline), _state(run.state), Text(f"{run.started:{_TIME}}"), _took(run.seconds),
            Text(str(run.stages)), Text(str(run.cached)),
        )  # fmt: skip
    return table


def run(found: Run, results: Results) -> Group:
    """A run: what it is, its stages, its figures and its verdict."""
    line = found.line
    head = _table(header=False)
    head.add_row("run", Text(line.id))
    head.add_row("pipeline", Text(line.pipeline))
    head.add_row("state", _state(line.state))
    head.add_row("started", Text(f"{line.started:{_TIME}} UTC"))
    head.add_row("took", _took(line.seconds))
    for file in (results.counts or {}).get("files", ()):
        head.add_row("data", Text(f"{file['name']}  {file['read']:,} rows, {file['rejected']:,} rejected"))
    parts: list[RenderableType] = [head, Text(), _stages(found.stages)]
    if results.metrics:
        parts += [Text(), _figures(results)]
    if results.why:
        parts += [Text(), Text(results.why)]
    if results.stopped:
        parts.append(Text(results.stopped))
    if results.pushed:
        parts.append(Text(f"Served from {results.pushed}"))
    return Group(*parts)


def _stages(stages: Sequence[Stage]) -> Table:
    table = _table("STAGE", "STATE", "TOOK", "OUTPUTS")
    for stage in stages:
        if not stage.helper:
            outputs = ", ".join(f"{key} {each.id}" for key, held in stage.outputs.items() for each in held)
            state = Text("from the cache", style="dim") if stage.cached else _state(stage.state)
            table.add_row(Text(stage.name), state, _took(0.0 if stage.cached else stage.seconds), Text(outputs))
    return table


def _figures(results: Results) -> Table:
    models = list(results.metrics.get(TEST, {}))
    table = _table("TEST", *(name.upper().replace("_", " ") for name in models))
    for metric in SHOWN:
        values = [results.figure(metric, TEST, model) for model in models]
        if values and values[0] is not None:
            table.add_row(metric, *(_interval(value) for value in values))
    return table


def _interval(metric: Metric | None) -> str:
    if metric is None:
        return ""
    return f"{metric.value:.4f}" + (f"  ({metric.low:.4f} to {metric.high:.4f})" if metric.low is not None else "")


def artifacts(found: Sequence[Artifact]) -> Table:
    """A line an artifact."""
    table = _table("ID", "TYPE", "MADE (UTC)", "STATE", "ADDRESS")
    for each in found:
        made = f"{each.created:{_TIME}}"
        table.add_row(Text(str(each.id)), Text(each.type), Text(made), Text(each.state.lower()), Text(each.uri))
    return table


def upstream(found: Lineage) -> Group:
    """What an artifact was made from: a tree down to files, then what each stage was told, and the code's commits."""
    tree, seen = Tree(_label(found.of[0]), guide_style="dim"), set()

    def grow(branch: Tree, artifact: Artifact) -> None:
        step = found.steps.get(found.made_by.get(artifact.id, -1))
        if step is None:
            return
        if step.stage.id in seen:
            branch.add(Text(f"{step.stage.name} (as above)", style="dim"))
            return
        seen.add(step.stage.id)
        below = branch.add(_maker(step))
        for file in step.files:
            below.add(Text(f"{file['name']}  sha256 {str(file.get('sha256', ''))[:16]}…  {file['size']:,} bytes"))
        for key, held in step.stage.inputs.items():
            for each in held:
                grow(below.add(_label(each, key)), each)

    grow(tree, found.of[0])
    told = _table("STAGE", "OPTIONS")
    for step in found.steps.values():
        options = {name: value for name, value in step.stage.properties.items() if name != "code_version"}
        told.add_row(Text(step.stage.name), Text("  ".join(f"{name}={value}" for name, value in options.items())))
    commits = {step.run: step.commit for step in found.steps.values() if step.commit}
    lines = [Text(f"Code of {run}: commit {commit}") for run, commit in commits.items()]
    return Group(tree, Text(), told, *([Text()] if lines else []), *lines)


def downstream(found: Lineage) -> Group:
    """What came of artifacts: models, and what made them; then everything else, counted by type."""
    table = _table("MODEL", "TYPE", "RUN", "ADDRESS")
    for artifact, step in found.models():
        where = str(artifact.properties.get("pushed_destination") or artifact.uri)
        table.add_row(Text(str(artifact.id)), Text(artifact.type), Text(step.run if step else ""), Text(where))
    begun = {each.id for each in found.of}
    others: dict[str, int] = {}
    for artifact in found.artifacts.values():
        if artifact.id not in begun:
            others[artifact.type] = others.get(artifact.type, 0) + 1
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
    return Group(table, Text(), Text(f"In all: {counted or 'nothing'}"))


def _label(artifact: Artifact, key: str = "") -> Text:
    return Text.assemble((f"{key}: " if key else "", "dim"), (artifact.type, "bold"), f" {artifact.id}  {artifact.uri}")


def _maker(step: Step) -> Text:
    code = f"  code {step.code}" if step.code else ""
    run = f" in {step.run}" if step.run else ""  # of a stage that a notebook ran, there is none
    return Text.assemble("made by ", (step.stage.name, "cyan"), f"{run}{code}")


def comparison(found: Comparison) -> Group:
    """What differs, section by section; sections without a difference say so."""
    parts: list[RenderableType] = [Text(f"{found.before} -> {found.after}", style="bold")]
    for title, changes in (("CONFIGURATION", found.config), ("DATA", found.data), ("CODE", found.code)):
        table = _table(title, "BEFORE", "AFTER")
        for change in changes:
            table.add_row(Text(change.what), _value(change.before), _value(change.after))
        parts += [Text(), table if changes else Text(f"{title}: the same")]
    figures = _table("FIGURE", "BEFORE", "AFTER", "DIFFERENCE", "95 % INTERVAL")
    for figure in found.figures:
        if figure.what.split()[-1] in SHOWN:
            figures.add_row(*_difference(figure))
    parts += [Text(), figures]
    return Group(*parts)


def _difference(figure: Difference) -> tuple[Text, ...]:
    before, after = figure.before, figure.after
    gain = after - before if before is not None and after is not None else None
    interval = f"{figure.low:+.4f} to {figure.high:+.4f}" if figure.low is not None else ""
    values = ["" if value is None else f"{value:.4f}" for value in (before, after)]
    style = "" if not figure.sure else "green" if (gain or 0) > 0 else "red"
    return (
        Text(figure.what), *map(Text, values), Text("" if gain is None else f"{gain:+.4f}", style=style), Text(interval)
    )  # fmt: skip


def contents(found: Contents) -> Group:
    """What lies in an artifact."""
    from rich.syntax import Syntax  # takes a while to import, and only this needs it

    parts: list[RenderableType] = [_label(found.artifact)]
    told = _table(header=False)
    for name, value in sorted(found.artifact.properties.items()):
        told.add_row(Text(name, style="dim"), _value(value))
    listed = _table("FILE", "BYTES")
    for file in found.files:
        listed.add_row(Text(file.name or "(the artifact itself)"), Text(f"{file.size:,}"))
    parts += [told, Text(), listed if found.files else Text(_GONE)]
    for each in found.tables:
        table = _table(*each.columns)
        for row in each.first:
            table.add_row(*map(Text, row))
        parts += [Text(), Text(f"{each.name}: {each.rows:,} rows, the first {len(each.first)}"), table]
    for text in found.texts:
        kind = "json" if text.name.endswith(".json") else "text"
        body = Syntax(text.text, kind, background_color="default", word_wrap=True)
        parts += [Text(), Text(text.name + (", the beginning" if text.cut else "")), body]
    return Group(*parts)


def _table(*columns: str, header: bool = True) -> Table:
    table = Table(box=None, pad_edge=False, show_header=header)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table


def _state(state: str) -> Text:
    return Text(state, style=COLOURS.get(state, "yellow"))


def _took(seconds: float) -> Text:
    return Text(f"{seconds:.1f} s" if seconds < 60 else str(datetime.timedelta(seconds=round(seconds))))


def _value(value: Any) -> Text:
    return Text("(not there)", style="dim") if value is None else Text(str(value))
