"""Layers, room between nodes, and edges that pass none of them."""

import itertools

import pytest

from inspection.ui.layout import HEIGHT, WIDTH, lay_out

CHAIN = [("a", "b"), ("b", "c"), ("a", "c")]


def test_nodes_stand_below_all_that_lead_to_them():
    nodes = lay_out("abc", CHAIN).nodes
    assert nodes["a"][1] < nodes["b"][1] < nodes["c"][1]


def test_an_edge_over_a_layer_passes_its_node():
    placed = lay_out("abc", CHAIN)
    left, top = placed.nodes["b"]
    passing = [x for x, y in placed.edges["a", "c"] if top <= y <= top + HEIGHT]
    assert passing
    assert all(x < left or x > left + WIDTH for x in passing)


def test_a_node_that_nothing_leads_to_stands_right_above_its_reader():
    nodes = lay_out("abcd", [("a", "b"), ("b", "c"), ("d", "c")]).nodes
    assert nodes["d"][1] == nodes["b"][1]


def test_no_two_nodes_overlap_and_all_are_inside():
    edges = [(first, second) for first in range(6) for second in range(6, 18) if (first + second) % 3]
    placed = lay_out(range(18), edges)
    for (x, y), (u, v) in itertools.combinations(placed.nodes.values(), 2):
        assert abs(x - u) >= WIDTH or abs(y - v) >= HEIGHT
    assert all(0 <= x <= placed.width - WIDTH and 0 <= y <= placed.height - HEIGHT for x, y in placed.nodes.values())


def test_two_chains_that_could_cross_do_not():
    nodes = lay_out(["a", "b", "d", "c"], [("a", "c"), ("b", "d")]).nodes
    assert (nodes["a"][0] < nodes["b"][0]) == (nodes["c"][0] < nodes["d"][0])


def test_nothing_is_drawn_of_nothing():
    assert lay_out([], []).nodes == {}


def test_a_cycle_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        lay_out("ab", [("a", "b"), ("b", "a")])
