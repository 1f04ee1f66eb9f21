"""Where the nodes of a graph without cycles are drawn: in layers from above to below, with few crossings.

After Sugiyama, Tagawa and Toda (1981): layers by the longest way, edges over several layers bent at a point in each of
them, order within a layer by the median of the neighbours, then places as near to the neighbours as there is room.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import statistics
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    Node = Hashable
    Edge = tuple[Node, Node]

WIDTH, HEIGHT = 208, 46  # of a node, in pixels
_GAP_X, _GAP_Y = 20, 34  # between nodes, between layers
_BEND: Final = 14  # room for an edge that passes a layer
_SWEEPS: Final = 8


@dataclasses.dataclass(frozen=True)
class Layout:
    """Places, in pixels.

    Args:
        width, height: of the drawing.
        nodes: left upper corner of each node.
        edges: points of each edge, from below its first node to above its second.
    """

    width: int
    height: int
    nodes: Mapping[Node, tuple[int, int]]
    edges: Mapping[Edge, Sequence[tuple[int, int]]]


@dataclasses.dataclass(frozen=True)
class _Bend:
    """Where an edge passes a layer."""

    edge: Edge
    layer: int


def lay_out(nodes: Iterable[Node], edges: Iterable[Edge]) -> Layout:
    """Places for a graph.

    Args:
        nodes: all of them.
        edges: pairs of nodes; no cycle.
    Raises: ValueError: there is a cycle.
    """
    edges = list(dict.fromkeys(edges))
    layer = _layers(list(nodes), edges)
    ways = {edge: _way(edge, layer) for edge in edges}
    rows: list[list[Node]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node, number in layer.items():
        rows[number].append(node)
    for way in ways.values():
        for bend in way[1:-1]:
            rows[bend.layer].append(bend)  # type: ignore[attr-defined]
    above, below = _neighbours(ways.values())
    _order(rows, above, below)
    places = _places(rows, above, below)
    return _drawn(rows, places, layer, ways)


def _layers(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[Node, int]:
    """Length of the longest way to each node; one without a way to it stands right above the first that it reaches."""
    after, before = collections.defaultdict(list), dict.fromkeys(nodes, 0)
    for first, second in edges:
        after[first].append(second)
        before[second] += 1
    free = [node for node in nodes if not before[node]]
    layer = dict.fromkeys(free, 0)
    begins = set(free)
    for node in free:  # grows while it is read
        for each in after[node]:
            layer[each] = max(layer.get(each, 0), layer[node] + 1)
            before[each] -= 1
            if not before[each]:
                free.append(each)
    if len(free) < len(nodes):
        raise ValueError("A graph with a cycle has no layers.")
    for node in begins:
        layer[node] = min((layer[each] - 1 for each in after[node]), default=0)
    return layer


def _way(edge: Edge, layer: Mapping[Node, int]) -> list[Node]:
    first, second = edge
    return [first, *(_Bend(edge, each) for each in range(layer[first] + 1, layer[second])), second]


def _neighbours(ways: Iterable[Sequence[Node]]) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    above, below = collections.defaultdict(list), collections.defaultdict(list)
    for way in ways:
        for first, second in itertools.pairwise(way):
            below[first].append(second)
            above[second].append(first)
    return above, below


def _order(rows: list[list[Node]], above: Mapping[Node, list[Node]], below: Mapping[Node, list[Node]]) -> None:
    """Sorts each layer by the middle of its neighbours, downwards and upwards in turn."""
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for number in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            fixed = {node: place for place, node in enumerate(rows[number - 1 if down else number + 1])}
            near = above if down else below
            middle = {
                node: statistics.median([fixed[each] for each in near.get(node, ())] or [place])
                for place, node in enumerate(rows[number])
            }
            rows[number].sort(key=middle.__getitem__)


def _places(
    rows: Sequence[Sequence[Node]], above: Mapping[Node, list[Node]], below: Mapping[Node, list[Node]]
) -> dict[Node, float]:
    """Middle of each node across: drawn towards its neighbours, never nearer to the next one than there is room."""
    place: dict[Node, float] = {}
    for row in rows:
        place |= dict(zip(row, _apart(row, [0.0] * len(row)), strict=True))
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        for row in rows if down else rows[::-1]:
            wanted = [statistics.fmean([place[each] for each in near.get(node, ())] or [place[node]]) for node in row]
            place |= dict(zip(row, _apart(row, wanted), strict=True))
    return place


def _apart(row: Sequence[Node], wanted: Sequence[float]) -> list[float]:
    """The places nearest to those wanted, by squares, that keep order and room: those that collide move as one."""
    offsets = [0.0]
    for first, second in itertools.pairwise(row):
        offsets.append(offsets[-1] + (_room(first) + _room(second)) / 2)
    blocks: list[tuple[float, int]] = []  # sum of what its nodes want, less their offsets; how many they are
    for want, offset in zip(wanted, offsets, strict=True):
        blocks.append((want - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = (blocks[-1][0] + total, blocks[-1][1] + count)
    shared = [total / count for total, count in blocks for _ in range(count)]
    return [each + offset for each, offset in zip(shared, offsets, strict=True)]


def _room(node: Node) -> int:
    return _BEND if isinstance(node, _Bend) else WIDTH + _GAP_X


def _drawn(
    rows: Sequence[Sequence[Node]],
    places: Mapping[Node, float],
    layer: Mapping[Node, int],
    ways: Mapping[Edge, Sequence[Node]],
) -> Layout:
    """Pixels, with the left and upper edge at 0."""
    left = min((places[node] - _room(node) / 2 for row in rows for node in row), default=0)
    right = max((places[node] + _room(node) / 2 for row in rows for node in row), default=0)
    middle = {node: round(each - left) for node, each in places.items()}
    top = {node: _GAP_Y // 2 + number * (HEIGHT + _GAP_Y) for node, number in layer.items()}
    nodes = {node: (middle[node] - WIDTH // 2, top[node]) for node in layer}
    edges = {}
    for (first, second), way in ways.items():
        points = [(middle[first], top[first] + HEIGHT)]
        for bend in way[1:-1]:
            begin = _GAP_Y // 2 + bend.layer * (HEIGHT + _GAP_Y)  # type: ignore[attr-defined]
            points += [(middle[bend], begin), (middle[bend], begin + HEIGHT)]
        edges[first, second] = [*points, (middle[second], top[second])]
    return Layout(round(right - left), len(rows) * (HEIGHT + _GAP_Y), nodes, edges)
