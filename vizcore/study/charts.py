"""Charts of a study, one row per method and one colour per network: means with their intervals, and every picture.

Colours are those of :mod:`vizcore.pictures.colours`, layout that of :mod:`vizcore.pictures.figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vizcore.pictures import figures
from vizcore.pictures.colours import CATEGORICAL, INK
from vizcore.pictures.plotting import graph_objects
from vizcore.study.bootstrap import Interval
from vizcore.study.plan import seed_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "cross")


def colour(series: int) -> str:
    """The colour of the series with this number."""
    return CATEGORICAL[series % len(CATEGORICAL)]


@dataclass(frozen=True)
class Point:
    """One picture's value in the row of a method; ``data`` is what a click on it tells."""

    row: int
    value: float
    name: str
    data: tuple[str, ...]


def forest(
    names: Sequence[str],
    series: Mapping[str, Mapping[int, Interval]],
    *,
    x_title: str = "",
    y_title: str = "",
    line: float | None = None,
    height: int | None = None,
) -> go.Figure:
    """Means as points on their intervals, the first name on top; ``series`` holds the intervals by a name's place.

    Where there are several series, each has a :func:`colour`, a symbol and a height of its own, for a key beside the
    chart. ``line`` is drawn upright, for the value that means no difference.
    """
    go = graph_objects()

    traces = []
    for at, (title, intervals) in enumerate(series.items()):
        shift = 0.0 if len(series) == 1 else 0.44 * (at / (len(series) - 1) - 0.5)
        rows = sorted(intervals)
        ends = [(intervals[row].low, intervals[row].mean, intervals[row].high) for row in rows]
        trace = go.Scatter(x=[mean for _, mean, _ in ends], y=[row + shift for row in rows], mode="markers", name=title)
        trace.update(marker={"color": colour(at), "size": 9, "symbol": SYMBOLS[at % len(SYMBOLS)]})
        arms = {"array": [h - m for _, m, h in ends], "arrayminus": [m - low for low, m, _ in ends]}
        trace.update(
            error_x={"type": "data", "symmetric": False, "color": colour(at), "thickness": 2, "width": 4, **arms}
        )
        told = "%{hovertext}: %{x:.3g} [%{customdata[0]:.3g} – %{customdata[1]:.3g}]<extra></extra>"
        trace.update(hovertext=[names[row] for row in rows], customdata=[(low, h) for low, _, h in ends])
        trace.update(hovertemplate=told)
        traces.append(trace)
    figure = _in_rows(traces, names, x_title, y_title, height or 90 + (26 + 8 * len(series)) * max(1, len(names)))
    if line is not None:
        figure.add_vline(x=line, line={"color": INK, "dash": "dot", "width": 1})
    return figure


def points(
    names: Sequence[str],
    series: Mapping[str, Sequence[Point]],
    *,
    x_title: str = "",
    y_title: str = "",
) -> go.Figure:
    """Every picture as a point, one row per method and one colour per series, as in :func:`forest`.

    Points of a row lie at several heights, the same for one picture in every row. Each carries ``Point.data``, by which
    a page knows which one was clicked.
    """
    go = graph_objects()

    traces = []
    for at, (title, found) in enumerate(series.items()):
        rows = [one.row + (seed_of(one.name) / 10_000 - 0.5) * 0.6 for one in found]
        trace = go.Scatter(x=[one.value for one in found], y=rows, mode="markers", name=title)
        trace.update(marker={"color": colour(at), "size": 7, "opacity": 0.6, "symbol": SYMBOLS[at % len(SYMBOLS)]})
        trace.update(customdata=[list(one.data) for one in found])
        text = [f"{one.name}, {names[one.row]}: {one.value:.3g}" for one in found]
        trace.update(hovertext=text, hovertemplate="%{hovertext}<extra></extra>")
        traces.append(trace)
    return _in_rows(traces, names, x_title, y_title, 90 + 44 * max(1, len(names)))


def _in_rows(traces: list[Any], names: Sequence[str], x_title: str, y_title: str, height: int) -> go.Figure:
    """A chart with one line per name, the first on top."""
    figure = figures.frame(traces, x_title, y_title, height, left=160)
    lines = {"tickvals": list(range(len(names))), "ticktext": list(names), "range": [len(names) - 0.5, -0.5]}
    return figure.update_yaxes(**lines, showgrid=False, zeroline=False)
