"""Charts of a study: means with their intervals, one row per method and one colour per network.

Colours are those of :mod:`vizcore.pictures.colours`, layout that of :mod:`vizcore.pictures.figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vizcore.pictures import figures
from vizcore.pictures.colours import CATEGORICAL, INK
from vizcore.pictures.plotting import graph_objects
from vizcore.study.bootstrap import Interval

if TYPE_CHECKING:
    import plotly.graph_objects as go

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "cross")


def colour(series: int) -> str:
    """The colour of the series with this number."""
    return CATEGORICAL[series % len(CATEGORICAL)]


def forest(
    names: Sequence[str],
    series: Mapping[str, Mapping[int, Interval]],
    *,
    x_title: str = "",
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
    figure = figures.frame(traces, x_title, "", height or 90 + (26 + 8 * len(series)) * max(1, len(names)), left=130)
    if line is not None:
        figure.add_vline(x=line, line={"color": INK, "dash": "dot", "width": 1})
    at_rows = list(range(len(names)))
    lines = {"tickvals": at_rows, "ticktext": list(names), "range": [len(names) - 0.5, -0.5]}
    return figure.update_yaxes(**lines, showgrid=False, zeroline=False)
