"""Places the stages of a run in layers, sources on top, so that arrows go down and cross seldom.

Sugiyama's way, in short: a layer is the longest way from a source; an arrow over several layers passes through a
place of its own in each; a few sweeps put each box near the middle of its neighbours. Arrows that follow from others
are left out: the table of stages names all inputs.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDE, HIGH, GAP, DROP, LANE, EDGE = 184, 46, 12, 34, 22, 4  # of a box, between boxes, layers; of a passing arrow; rim
_SWEEPS: Final = 8


@dataclasses.dataclass(frozen=True)
class Box:
    """A stage: where its box stands, its name, a line below it, and its state."""

    x: float
    y: float
    name: str
    line: str
    state: str


@dataclasses.dataclass(frozen=True)
class Drawing:
    """Boxes, each `box` wide, and arrows as paths of SVG."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[str, ...]
    box: int = WIDE


def draw(stages: Sequence[tuple[str, str, str]], edges: Iterable[tuple[str, str]]) -> Drawing:
    """Places stages.

    Args:
        stages: name, line and state of each, in the order they ran; a name comes once.
        edges: from a stage to one that reads it; those of other names are left out, and those against the order.
    """
    place = {name: number for number, (name, _, _) in enumerate(stages)}
    down = {(a, b) for a, b in edges if a in place and b in place and place[a] < place[b]}
    down = _reduced(down)
    layers, ways = _layers(list(place), down)
    _untangle(layers, ways)
    x, width = _columns(layers)
    y = {node: EDGE + depth * (HIGH + DROP) for depth, layer in enumerate(layers) for node in layer}
    boxes = tuple(Box(x[name] - WIDE / 2, y[name], name, line, state) for name, line, state in stages)
    height = len(layers) * (HIGH + DROP) - DROP + 2 * EDGE
    return Drawing(width, max(height, 0), boxes, tuple(_arrow([(x[n], y[n]) for n in way]) for way in ways))


def _reduced(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Without edges whose end is reached by others as well."""
    after: dict[str, set[str]] = {}
    for a, b in edges:
        after.setdefault(a, set()).add(b)

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        left = list(after.get(start, ()))
        while left:
            node = left.pop()
            if node not in found:
                found.add(node)
                left += after.get(node, ())
        return found

    return {(a, b) for a, b in edges if not any(b in reached(c) for c in after[a] if c != b)}


def _layers(names: Sequence[str], edges: set[tuple[str, str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Layers of boxes and passing places, and each edge's way through them."""
    depth = dict.fromkeys(names, 0)
    for b in names:  # in the order they ran, so whoever is read stands before
        depth[b] = max((depth[a] + 1 for a, c in edges if c == b), default=0)
    for a in reversed(names):  # a source stands as low as its readers let it
        readers = [depth[b] - 1 for c, b in edges if c == a]
        if readers and not any(b == a for _, b in edges):
            depth[a] = min(readers)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in names:
        layers[depth[name]].append(name)
    ways = []
    for a, b in sorted(edges, key=lambda edge: (names.index(edge[0]), names.index(edge[1]))):
        passing = [f"\0{a}\0{b}\0{level}" for level in range(depth[a] + 1, depth[b])]
        for level, node in enumerate(passing, depth[a] + 1):
            layers[level].append(node)
        ways.append([a, *passing, b])
    return layers, ways


def _untangle(layers: list[list[str]], ways: Sequence[Sequence[str]]) -> None:
    """Orders each layer by the middle of its neighbours in the one before, down and up in turn."""
    steps = [step for way in ways for step in itertools.pairwise(way)]
    for sweep in range(_SWEEPS):
        turned = sweep % 2
        for layer in reversed(layers) if turned else layers:
            x, _ = _columns(layers)
            near: Mapping[str, list[float]] = {
                node: [x[b] for a, b in steps if a == node] if turned else [x[a] for a, b in steps if b == node]
                for node in layer
            }
            layer.sort(key=lambda node, near=near, x=x: sum(near[node]) / len(near[node]) if near[node] else x[node])  # type: ignore[misc]


def _columns(layers: Sequence[Sequence[str]]) -> tuple[dict[str, float], float]:
    """The middle of each place, layers centred, and the whole width."""

    def room(node: str) -> float:
        return LANE if node.startswith("\0") else WIDE

    widths = [sum(room(node) + GAP for node in layer) - GAP for layer in layers]
    whole = max(widths, default=0) + 2 * EDGE
    x = {}
    for layer, width in zip(layers, widths, strict=True):
        left = (whole - width) / 2
        for node in layer:
            x[node] = left + room(node) / 2
            left += room(node) + GAP
    return x, whole


def _arrow(points: Sequence[tuple[float, float]]) -> str:
    """From the foot of the first box to the head of the last, straight past the boxes between."""
    (x, y), rest = points[0], points[1:]
    path, y = f"M{x:.1f} {y + HIGH:.1f}", y + HIGH
    for number, (end_x, end_y) in enumerate(rest, 1):
        middle = (y + end_y) / 2
        path += f" C{x:.1f} {middle:.1f} {end_x:.1f} {middle:.1f} {end_x:.1f} {end_y:.1f}"
        if number < len(rest):
            path += f" V{end_y + HIGH:.1f}"
        x, y = end_x, end_y + HIGH
    return path
