"""A lineage as a drawing and as a list of lists: the same artifacts and stages, the same links."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from inspection.ui import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inspection.lineage import Lineage, Step
    from inspection.records import Artifact

UP, DOWN = "up", "down"
MOST: Final = 60  # stages of one drawing: more nobody can read
SIZE: Final = (layout.WIDTH, layout.HEIGHT)
_ARTIFACT, _STAGE = "artifact", "stage"
_LETTERS: Final = 26  # that fit into a node


@dataclasses.dataclass(frozen=True)
class Node:
    """An artifact or a stage of the drawing.

    Args:
        kind: artifact or stage.
        title, note: two lines of text, cut to the node's width.
        name: all of it, for who hears it.
        artifact, run: what it leads to: the artifact, or the run of the stage.
        begun: whether it is what was asked for.
        x, y: left upper corner, in pixels.
    """

    kind: str
    title: str
    note: str
    name: str
    artifact: int | None
    run: str
    begun: bool
    x: int = 0
    y: int = 0


@dataclasses.dataclass(frozen=True)
class Branch:
    """An item of the list, and what stands below it.

    Args:
        again: stands further up already, with all that is below it.
    """

    node: Node
    again: bool
    below: tuple[Branch, ...]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """What the template draws: nodes in reading order, edges as SVG paths."""

    width: int
    height: int
    nodes: Sequence[Node]
    paths: Sequence[str]
    tree: Sequence[Branch]


def draw(found: Lineage, way: str) -> Drawing:
    """The drawing of a lineage.

    Args:
        way: UP: what it was made from, DOWN: what was made from it.
    """
    begun = {each.id for each in found.of}
    nodes = {(_ARTIFACT, number): _artifact(each, number in begun) for number, each in found.artifacts.items()}
    nodes |= {(_STAGE, number): _stage(step) for number, step in found.steps.items()}
    edges = list(dict.fromkeys(_edges(found)))
    placed = layout.lay_out(nodes, edges)
    drawn = [dataclasses.replace(nodes[key], x=x, y=y) for key, (x, y) in placed.nodes.items()]  # type: ignore[index]
    return Drawing(
        width=placed.width,
        height=placed.height,
        nodes=sorted(drawn, key=lambda node: (node.y, node.x)),
        paths=[_path(points) for points in placed.edges.values()],
        tree=_tree(nodes, edges, [(_ARTIFACT, number) for number in sorted(begun)], way),
    )


def _edges(found: Lineage) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """From what was read to who read it, and from who made it to what was made; of a cached stage the maker alone."""
    for number, step in found.steps.items():
        for held in step.stage.inputs.values():
            for each in held:
                if each.id in found.artifacts:
                    yield (_ARTIFACT, each.id), (_STAGE, number)
    for artifact, maker in found.made_by.items():
        if artifact in found.artifacts and maker in found.steps:
            yield (_STAGE, maker), (_ARTIFACT, artifact)


def _artifact(artifact: Artifact, begun: bool) -> Node:
    kind = artifact.type.removeprefix("seqrank.")
    name = f"{kind}, artifact {artifact.id}"
    return Node(_ARTIFACT, _short(kind), f"artifact {artifact.id}", name, artifact.id, "", begun)


def _stage(step: Step) -> Node:
    name = f"{step.stage.name}, stage of run {step.run}"
    return Node(_STAGE, _short(step.stage.name), _short(step.run), name, None, step.run, begun=False)


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"


def _path(points: Sequence[tuple[int, int]]) -> str:
    """Curves between layers, straight lines through them."""
    (x, y), *rest = points
    parts = [f"M{x} {y}"]
    for place, (right, down) in enumerate(rest):
        half = (y + down) // 2
        parts.append(f"L{right} {down}" if place % 2 else f"C{x} {half} {right} {half} {right} {down}")
        x, y = right, down
    return " ".join(parts)


def _tree(
    nodes: Mapping[tuple[str, int], Node],
    edges: Sequence[tuple[tuple[str, int], tuple[str, int]]],
    begin: Sequence[tuple[str, int]],
    way: str,
) -> tuple[Branch, ...]:
    after: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for first, second in edges if way == DOWN else [(second, first) for first, second in edges]:
        after.setdefault(first, []).append(second)
    seen: set[tuple[str, int]] = set()

    def grow(key: tuple[str, int]) -> Branch:
        again = key in seen and bool(after.get(key))
        seen.add(key)
        return Branch(nodes[key], again, () if again else tuple(map(grow, after.get(key, ()))))

    return tuple(map(grow, begin))
