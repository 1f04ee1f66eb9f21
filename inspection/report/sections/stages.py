"""The stages as they ran: what read what, how long each took, and what came from the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspection.records import SUCCEEDED
from inspection.report import graph, words
from inspection.report.blocks import Graph, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inspection.records import Stage
    from inspection.report.blocks import Block
    from inspection.report.facts import Facts

TITLE = "Stages"
ORDER = 20


def blocks(facts: Facts) -> list[Block]:
    """A picture, and a table that says the same."""
    stages = [stage for stage in facts.run.stages if not stage.helper]
    makers = {each.id: stage.name for stage in stages for held in stage.outputs.values() for each in held}
    reads = {stage.name: _sources(stage, makers) for stage in stages}
    shown = {stage.name: (stage.name, _line(stage), "cached" if stage.cached else stage.state) for stage in stages}
    edges = [(source, name) for name, sources in reads.items() for source in sources]
    rows = tuple(
        (stage.name, "from the cache" if stage.cached else stage.state,
         words.NONE if stage.cached else words.took(stage.seconds), ", ".join(reads[stage.name]) or words.NONE)
        for stage in stages
    )  # fmt: skip
    found: list[Block] = [
        Paragraph(f"Stage {stage.name} failed after {words.took(stage.seconds)}.", "bad") for stage in facts.failed
    ]
    about = f"{words.several(len(stages), 'stage')}, from the log at the top; the table below says the same."
    return [
        *found,
        Graph("Stages and what they hand on", about, graph.draw(list(shown.values()), edges)),
        Table("Stages in the order they began", ("stage", "state", "time", "reads what these made"), rows, False,
              frozenset({1, 3})),
    ]  # fmt: skip


def _sources(stage: Stage, makers: Mapping[int, str]) -> list[str]:
    """The stages whose outputs it reads, each once."""
    read = (makers.get(each.id, stage.name) for held in stage.inputs.values() for each in held)
    return list(dict.fromkeys(name for name in read if name != stage.name))


def _line(stage: Stage) -> str:
    if stage.cached:
        return "from the cache"
    return words.took(stage.seconds) if stage.state == SUCCEEDED else f"{stage.state}, {words.took(stage.seconds)}"
