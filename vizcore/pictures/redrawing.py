"""A chart of the page drawn once more by matplotlib, from the very numbers, colours and titles of the first.

What is read are the kinds of traces that :mod:`vizcore.pictures.figures` and :mod:`~vizcore.pictures.charts` draw.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vizcore.pictures.colours import GRID, INK

if TYPE_CHECKING:
    import plotly.graph_objects as go

POINT = 0.6  # points for a pixel of the page, on which a chart is about 600 pixels wide and in print 5 inches
_DASHES = {
    "solid": "-",
    "dash": (0, (5, 3)),
    "dot": (0, (1.2, 1.8)),
    "dashdot": (0, (5, 2, 1.2, 2)),
    "longdash": (0, (9, 3)),
    "longdashdot": (0, (9, 2.5, 1.2, 2.5)),
}
_MARKS = {"circle": "o", "diamond": "D", "square": "s", "triangle-up": "^", "x": "X", "cross": "P"}
_DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TEXT = "#333740"
_LONGEST = 160  # characters of one text

Entry = tuple[Any, str]  # of a legend: a mark, and whose it is


def redraw(figure: go.Figure, axes: Any, mark: str = ".") -> list[Entry]:
    """Draw a plotly figure on matplotlib's ``axes``, and return what a legend has to tell of it.

    ``mark`` is the decimal mark of its numbers.
    Raises ValueError for a trace or a shape of a kind that is not known here: nothing is left out in silence.
    """
    entries: list[Entry] = []
    below: NDArray[np.float64] | None = None
    axes.set_axisbelow(True)
    for trace in figure.data:
        if trace.type == "scatter":
            y = _numbers(trace.y)
            drawn = _scatter(trace, _numbers(trace.x), y, below, axes)
            below = y
            entries += [(drawn, trace.name)] if trace.name and drawn is not None else []
        elif trace.type == "bar" and trace.orientation == "h":
            _bars(trace, axes, mark)
        elif trace.type == "heatmap":
            _tiles(trace, axes, mark)
        else:
            raise ValueError(f"trace.type is {trace.type!r}; accepted: scatter, horizontal bar or heatmap.")
    _axis(figure.layout.xaxis, axes, "x", mark)
    _axis(figure.layout.yaxis, axes, "y", mark)
    for shape in figure.layout.shapes:
        if shape.type != "line" or shape.x0 != shape.x1:
            raise ValueError(f"shape.type is {shape.type!r}; accepted: an upright line.")
        axes.axvline(shape.x0, color=_colour(shape.line.color), linestyle=_DASHES[shape.line.dash or "solid"], lw=0.8)
    for side in axes.spines.values():
        side.set_visible(False)
    return entries


def _scatter(trace: Any, x: NDArray[Any], y: NDArray[Any], below: NDArray[Any] | None, axes: Any) -> Any:
    mark = None
    if trace.fill == "tonexty" and below is not None:
        mark = axes.fill_between(x, below, y, color=_colour(trace.fillcolor), linewidth=0)
    if "lines" in trace.mode and trace.line.width != 0:
        style = {"color": _colour(trace.line.color or INK), "linestyle": _DASHES[trace.line.dash or "solid"]}
        ends = {"marker": "o", "markersize": 3.5} if "markers" in trace.mode else {}
        (mark,) = axes.plot(x, y, linewidth=POINT * (trace.line.width or 2), **style, **ends)
    elif "markers" in trace.mode:
        marker = trace.marker
        kind, colour = _MARKS[marker.symbol or "circle"], _colour(marker.color)
        if trace.error_x.array is not None:
            arms = np.stack([_numbers(trace.error_x.arrayminus), _numbers(trace.error_x.array)])
            axes.errorbar(x, y, xerr=np.nan_to_num(arms), fmt="none", ecolor=colour, elinewidth=1.1, capsize=2)
        fade: Any = 1.0 if marker.opacity is None else marker.opacity  # one, or one for each point
        fade = fade if np.ndim(fade) == 0 else _numbers(fade)
        area = (POINT * (marker.size or 6)) ** 2
        mark = axes.scatter(x, y, area, color=colour, marker=kind, alpha=fade, zorder=3)
        mark.set_linewidth(0)
    return mark


def _bars(trace: Any, axes: Any, mark: str) -> None:
    own = trace.marker.color
    fill = _colour(own) if own is None or isinstance(own, str) else [_colour(one) for one in own]
    x, y = _numbers(trace.x), _numbers(trace.y)
    axes.barh(y, x, 0.75, color=fill)
    for number, (at, value) in enumerate(zip(y, x, strict=True)):
        text = _written(trace, (number,), "x", value, mark)
        axes.annotate(text, (value, at), (3, 0), textcoords="offset points", va="center", color=_TEXT)


def _tiles(trace: Any, axes: Any, mark: str) -> None:
    z = np.array([_numbers(row) for row in trace.z])
    at = np.clip((z - trace.zmin) / (trace.zmax - trace.zmin), 0, 1)
    stops = np.array([stop for stop, _ in trace.colorscale])
    ramp = np.array([_colour(colour)[:3] for _, colour in trace.colorscale])
    colours = np.stack([np.interp(np.nan_to_num(at), stops, ramp[:, channel]) for channel in range(3)], axis=-1)
    for (row, column), value in np.ndenumerate(z):
        if np.isnan(value):
            continue
        colour = colours[row, column]
        axes.add_patch(_square(column, row, colour))
        ink = "white" if colour @ (0.299, 0.587, 0.114) < 0.5 else _TEXT
        axes.text(column, row, _written(trace, (row, column), "z", value, mark), ha="center", va="center", color=ink)
    axes.set_xlim(-0.5, z.shape[1] - 0.5)
    axes.set_ylim(-0.5, z.shape[0] - 0.5)


def _written(trace: Any, at: tuple[int, ...], name: str, value: float, mark: str) -> str:
    """What stands on one bar or tile: its own text, or its number by the template of the page's chart, if any."""
    text = trace.text
    for index in at if text is not None else ():
        text = text[index]
    if text is not None or trace.texttemplate is None:
        return plain(str(text or ""))
    template = re.fullmatch(rf"%\{{{name}:([^}}]*)\}}(.*)", trace.texttemplate)
    if template is None:
        raise ValueError(f"texttemplate is {trace.texttemplate!r}; accepted: a format of {name}, such as '%{{z:.2f}}'.")
    return format(value, template[1]).replace("-", "−").replace(".", mark) + plain(template[2])


def _square(column: int, row: int, colour: NDArray[Any]) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=tuple(colour), linewidth=0)


def _axis(layout: Any, axes: Any, which: str, mark: str) -> None:
    """Title, kind, range, ticks and grid of one axis."""
    from matplotlib.ticker import FuncFormatter, ScalarFormatter

    class Marked(ScalarFormatter):
        """Round numbers with the decimal mark of the page's language."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return str(super().__call__(x, pos)).replace(".", mark)

    axis = getattr(axes, f"{which}axis")
    title = plain(layout.title.text or "")
    getattr(axes, f"set_{which}label")(title, color=_TEXT)
    if layout.type == "log":
        getattr(axes, f"set_{which}scale")("log")
        axis.set_major_formatter(FuncFormatter(lambda value, _: power(value).replace(".", mark)))
        axis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    else:
        axis.set_major_formatter(Marked())
    if layout.range is not None and None not in layout.range:
        ends = [10.0**end for end in layout.range] if layout.type == "log" else list(layout.range)
        getattr(axes, f"set_{which}lim")(*ends)
    elif layout.autorange == "reversed":
        getattr(axes, f"invert_{which}axis")()
    if layout.tickvals is not None:
        slanted = {"rotation": -layout.tickangle, "ha": "right", "rotation_mode": "anchor"} if layout.tickangle else {}
        axis.set_ticks(list(layout.tickvals), labels=[plain(str(text)) for text in layout.ticktext or ()], **slanted)
    axes.tick_params(axis=which, which="both", length=0, colors=_TEXT)
    if layout.showgrid is not False:
        axes.grid(True, axis=which, color=_colour(GRID), linewidth=0.6)
    if layout.zeroline is not False and layout.type != "log":
        getattr(axes, "axvline" if which == "x" else "axhline")(0, color=_colour(GRID), linewidth=1.2, zorder=0.5)


def printable(text: str) -> str:
    """A text as one line of printable characters: others have no glyph, or may not stand in a file of XML at all."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def plain(text: str) -> str:
    """A printable text that is not too long for a place on paper."""
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def power(value: float) -> str:
    """A number of a logarithmic axis: 0.1 and 100 as they are, beyond them as a power of ten."""
    if value <= 0 or 1e-3 < value < 1e4:
        return f"{value:g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    shown = f"10{str(int(exponent)).translate(_DIGITS)}"
    return shown if mantissa == "1" else f"{mantissa}·{shown}"


def _numbers(values: Sequence[Any] | None) -> NDArray[np.float64]:
    return np.array([np.nan if one is None else one for one in (() if values is None else values)], dtype=np.float64)


def _colour(text: str | None) -> tuple[float, ...]:
    """Red, green, blue and opacity in [0,1] of a colour as the page writes it: #rrggbb, rgb(...) or rgba(...)."""
    text = text or INK
    if text.startswith("#"):
        return (*(byte / 255 for byte in bytes.fromhex(text[1:])), 1.0)
    numbers = [float(one) for one in re.findall(r"[\d.]+", text)]
    return (*(one / 255 for one in numbers[:3]), numbers[3] if len(numbers) > 3 else 1.0)
