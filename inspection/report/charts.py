"""Plots, as the data and layout that Plotly reads. Colours are the page's (templates/plots.js): light, dark and print.

Plotly shows a few tags and entities in texts as markup, so every text of a trace is escaped here.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final, Literal

from inspection.report import words
from inspection.report.blocks import Chart, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inspection.results import Metric

_DASHES: Final = ("solid", "dash", "dot", "dashdot")
_SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up")
_SHAPES: Final = ("", "/", ".", "x")
_STEPS: Final = tuple(step * 10**power for power in range(9) for step in (1, 2, 5))
_TICKS: Final = 8
_MARKED: Final = 40  # points at most that are marked on a line
Scale = Literal["linear", "log"]


def lines(
    title: str,
    about: str,
    x: tuple[str, Sequence[float]],
    y: tuple[str, Mapping[str, Sequence[float | None]]],
    *,
    scale: Scale = "linear",
    whole: bool = False,
    mark: tuple[float, str] | None = None,
    table: Table | None = None,
) -> Chart:
    """Curves over common points.

    Args:
        title, about: as blocks.Chart.
        x, y: title of the axis with its unit, and the points; y's by the name of each curve.
        scale: of both axes.
        whole: whether x has whole numbers alone.
        mark: a place on x to point out, and what it is.
        table: in place of one of all points.
    """
    mode = "lines+markers" if len(x[1]) <= _MARKED else "lines"
    traces = [
        {
            "type": "scatter", "mode": mode, "name": _safe(name), "x": list(x[1]), "y": [_plain(v) for v in points],
            "line": {"dash": _DASHES[n % 4], "width": 2}, "marker": {"symbol": _SYMBOLS[n % 4], "size": 6},
        }
        for n, (name, points) in enumerate(y[1].items())
    ]  # fmt: skip
    layout = _layout(x[0], y[0], len(traces))
    if scale == "log":
        layout["xaxis"] |= {"type": "log", "dtick": 1}
        layout["yaxis"] |= {"type": "log", "dtick": 1}
    if whole:
        layout["xaxis"] |= {"tick0": 0, "dtick": next(step for step in _STEPS if len(x[1]) <= step * _TICKS)}
    if mark:
        late = mark[0] > (min(x[1]) + max(x[1])) / 2
        layout["shapes"] = [
            {"type": "line", "x0": mark[0], "x1": mark[0], "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dot"}}
        ]
        layout["annotations"] = [
            {"x": mark[0], "y": 0, "yref": "paper", "text": _safe(mark[1]), "showarrow": False, "yanchor": "bottom",
             "xanchor": "right" if late else "left", "xshift": -4 if late else 4}
        ]  # fmt: skip
    rows = [
        (words.number(at), *(words.number(points[place]) for points in y[1].values())) for place, at in enumerate(x[1])
    ]
    return Chart(title, about, _figure(traces, layout), table or Table(title, (x[0], *y[1]), tuple(rows), folded=True))


def bars(
    title: str,
    about: str,
    x: tuple[str, Sequence[str]],
    y: tuple[str, Mapping[str, Sequence[float | None]]],
    *,
    percent: bool = False,
) -> Chart:
    """Bars beside each other, one group a name of x; `percent`: y holds shares."""
    traces = [
        {
            "type": "bar", "name": _safe(name), "x": [_safe(v) for v in x[1]], "y": [_plain(v) for v in heights],
            "marker": {"pattern": {"shape": _SHAPES[n % 4], "solidity": 0.3, "fillmode": "overlay"}},
        }
        for n, (name, heights) in enumerate(y[1].items())
    ]  # fmt: skip
    layout = _layout(x[0], y[0], len(traces))
    layout["xaxis"]["type"] = "category"
    layout["yaxis"]["rangemode"] = "tozero"
    if percent:
        layout["yaxis"]["tickformat"] = ".0%"
    shown = words.share if percent else words.number
    rows = [(name, *(shown(heights[place]) for heights in y[1].values())) for place, name in enumerate(x[1])]
    return Chart(title, about, _figure(traces, layout), Table(title, (x[0], *y[1]), tuple(rows), folded=True))


def intervals(
    title: str, about: str, x: str, y: tuple[str, Mapping[str, Mapping[str, Metric | None]]], names: Sequence[str]
) -> Chart:
    """Bars with 95 % intervals, one group a name; `y`: by model, by name, the figure."""
    chart = bars(title, about, (x, names), (y[0], {m: [_value(of.get(n)) for n in names] for m, of in y[1].items()}))
    for trace, of in zip(chart.figure["data"], y[1].values(), strict=True):
        found = [of.get(name) for name in names]
        trace["error_y"] = {
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 4,
            "array": [each.high - each.value if each and each.high is not None else None for each in found],
            "arrayminus": [each.value - each.low if each and each.low is not None else None for each in found],
        }  # fmt: skip
    rows = tuple((name, *(words.interval(of.get(name)) for of in y[1].values())) for name in names)
    return Chart(title, about, chart.figure, Table(title, (x, *y[1]), rows, folded=True))


def _value(metric: Metric | None) -> float | None:
    return metric.value if metric else None


def _figure(traces: list[dict[str, Any]], layout: dict[str, Any]) -> dict[str, Any]:
    return {"data": traces, "layout": layout}


def _layout(x: str, y: str, curves: int) -> dict[str, Any]:
    return {
        "xaxis": {"title": {"text": _safe(x)}, "automargin": True, "fixedrange": True},
        "yaxis": {"title": {"text": _safe(y)}, "automargin": True, "fixedrange": True},
        "showlegend": curves > 1,
    }


def _safe(text: str) -> str:
    return html.escape(text, quote=False)


def _plain(value: float | None) -> float | None:
    """Numbers that JSON knows."""
    return None if value is None or value != value or value in (float("inf"), float("-inf")) else float(value)
