"""Charts of a comparison: curves over the band that chance leaves, and a matrix of agreements.

Colours are those of :mod:`vizcore.pictures.colours`, layout that of :mod:`vizcore.pictures.figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from vizcore.pictures import figures
from vizcore.pictures.colours import CATEGORICAL, INK, SHADE
from vizcore.pictures.plotting import graph_objects

if TYPE_CHECKING:
    import plotly.graph_objects as go

_DASHES = ("solid", "dash", "dot")


def style(index: int) -> dict[str, object]:
    """Colour, dash and width of the curve with this number; no two of the first 18 are alike."""
    count = len(CATEGORICAL)
    return {"color": CATEGORICAL[index % count], "dash": _DASHES[index // count % len(_DASHES)], "width": 2}


def curves(
    x: ArrayLike,
    lines: Mapping[str, tuple[int, ArrayLike]],
    *,
    band: tuple[ArrayLike, ArrayLike] | None = None,
    band_name: str = "",
    x_title: str = "",
    y_title: str = "",
    x_names: Sequence[str] | None = None,
    markers: bool = False,
    height: int = 360,
) -> go.Figure:
    """Curves over a common x; ``lines`` holds the number of the :func:`style` and the values (n,) by name.

    A curve keeps its number, and so its looks, whichever others are shown: charts beside each other share one key, and
    have none of their own. ``band`` (low, high), each (n,), is shaded, and called ``band_name`` in print;
    ``x_names`` stand in place of the numbers of x.
    """
    go = graph_objects()

    across, traces = np.asarray(x, dtype=np.float64).tolist(), []
    if band is not None:
        low, high = (np.asarray(side, dtype=np.float64).tolist() for side in band)
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        traces.append(go.Scatter(x=across, y=low, showlegend=False, **edge))
        shade = {"fill": "tonexty", "fillcolor": SHADE, "name": band_name}
        traces.append(go.Scatter(x=across, y=high, showlegend=False, **shade, **edge))
    for name, (index, values) in lines.items():
        y = np.asarray(values, dtype=np.float64).tolist()
        how = "lines+markers" if markers else "lines"
        traces.append(go.Scatter(x=across, y=y, name=name, mode=how, line=style(index)))
    figure = figures.frame(traces, x_title, y_title, height)
    if x_names is not None:
        figure.update_xaxes(tickvals=across, ticktext=list(x_names)).update_layout(margin_b=60)
    return figure.update_layout(hovermode="x unified")


def matrix(names: Sequence[str], values: ArrayLike, *, low: float = -1.0, height: int | None = None) -> go.Figure:
    """A matrix (n,n) as coloured squares with their numbers; orange at 1, grey at 0, blue at -1; missing ones are bare.

    ``low`` is where the numbers can begin, -1 or 0. The first row is on top.
    """
    go = graph_objects()

    array = np.asarray(values, dtype=np.float64)
    ramp = figures.signed_colours(np.linspace(low, 1.0, 33), limit=1.0)
    scale = [[i / 32, "rgb({}, {}, {})".format(*colour)] for i, colour in enumerate(ramp.tolist())]
    tiles = go.Heatmap(z=(array.round(2) + 0.0).tolist(), zmin=low, zmax=1.0, colorscale=scale)
    tiles.update(texttemplate="%{z:.2f}", xgap=2, ygap=2, showscale=False)
    at = list(range(len(names)))
    full = [[f"{a} – {b}" for b in names] for a in names]
    tiles.update(hovertext=full, hovertemplate="%{hovertext}: %{z:.2f}<extra></extra>")
    figure = figures.frame([tiles], "", "", height or 130 + 42 * len(names), left=150)
    axis = {"tickvals": at, "ticktext": list(names), "showgrid": False, "zeroline": False, "tickfont": {"color": INK}}
    figure.update_xaxes(**axis, side="bottom", tickangle=-35).update_layout(margin_b=110, margin_r=4)
    return figure.update_yaxes(**axis, autorange="reversed")
