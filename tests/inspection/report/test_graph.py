"""Boxes that don't overlap, and arrows that go down."""

import re

import pytest

from inspection.report import graph

CHAIN = [("a", "b"), ("b", "c"), ("a", "c")]
WIDE = [(f"s{n}", "end") for n in range(4)] + [("s0", "m"), ("m", "n"), ("n", "end"), ("s1", "n")]


def draw(edges, extra=()):
    names = list(dict.fromkeys([*(name for edge in edges for name in edge), *extra]))
    if "end" in names:
        names.remove("end")
        names.append("end")
    return graph.draw([(name, "1 s", "succeeded") for name in names], edges)


def test_an_arrow_that_follows_from_others_is_left_out():
    assert len(draw(CHAIN).arrows) == 2


@pytest.mark.parametrize("edges", [CHAIN, WIDE, []])
def test_boxes_stand_apart_and_within_the_picture(edges):
    found = draw(edges, extra=("alone", "too"))
    for n, box in enumerate(found.boxes):
        assert 0 <= box.x <= found.width - found.box
        assert 0 <= box.y <= found.height - graph.HIGH
        for other in found.boxes[n + 1 :]:
            assert abs(box.x - other.x) >= found.box or abs(box.y - other.y) >= graph.HIGH


def test_arrows_go_down_past_boxes_between():
    found = draw(WIDE)
    for arrow in found.arrows:
        heights = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)(?= |$)", arrow.replace("V", "0 "))]
        assert heights == sorted(heights)


def test_a_loop_or_a_stranger_is_no_trouble():
    found = draw([("a", "b"), ("b", "a"), ("a", "a")])
    assert len(found.boxes) == 2
    assert len(found.arrows) == 1
    assert graph.draw([], []).boxes == ()
