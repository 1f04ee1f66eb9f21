"""Figures that Plotly takes, and texts that it shows as they are."""

import json

import plotly.graph_objects as go
import pytest

from inspection.report import charts
from inspection.results import Metric

HOSTILE = "<b>a</b> & <script>alert(1)</script>"
SAFE = "&lt;b&gt;a&lt;/b&gt; &amp; &lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture(params=["lines", "bars", "intervals"])
def chart(request):
    if request.param == "lines":
        points = {HOSTILE: [1.0, float("nan"), None], "other": [3.0, 2.0, float("inf")]}
        return charts.lines("T", "About.", (HOSTILE, [1, 2, 3]), ("y", points), whole=True, mark=(2, HOSTILE))
    if request.param == "bars":
        return charts.bars("T", "About.", ("x", [HOSTILE, "2"]), ("y", {HOSTILE: [0.5, None]}), percent=True)
    figures = {HOSTILE: {HOSTILE: Metric(0.5, 0.4, 0.7), "2": Metric(0.1, None, None)}}
    return charts.intervals("T", "About.", "x", ("y", figures), [HOSTILE, "2", "3"])


def test_plotly_takes_the_figure_and_json_holds_it(chart):
    go.Figure(chart.figure)  # raises on a property it doesn't know
    json.dumps(chart.figure, allow_nan=False)


def test_texts_are_escaped_for_plotly_but_not_twice_in_the_table(chart):
    text = json.dumps(chart.figure)
    assert SAFE in text
    assert "<" not in text
    assert HOSTILE in json.dumps([chart.table.columns, chart.table.rows])


def test_numbers_as_names_stay_names():
    assert charts.bars("T", "", ("x", ["1", "2"]), ("y", {"a": [1, 2]})).figure["layout"]["xaxis"]["type"] == "category"


def test_intervals_reach_from_the_lower_to_the_upper_bound():
    figures = {"a": {"m": Metric(0.5, 0.4, 0.7)}}
    (trace,) = charts.intervals("T", "", "x", ("y", figures), ["m"]).figure["data"]
    assert trace["error_y"]["array"] == pytest.approx([0.2])
    assert trace["error_y"]["arrayminus"] == pytest.approx([0.1])


@pytest.mark.parametrize(("epochs", "step"), [(1, 1), (8, 1), (9, 2), (28, 5), (300, 50)])
def test_epochs_are_marked_by_whole_numbers(epochs, step):
    points = list(range(1, epochs + 1))
    chart = charts.lines("T", "", ("epoch", points), ("y", {"a": points}), whole=True)
    assert chart.figure["layout"]["xaxis"]["dtick"] == step
