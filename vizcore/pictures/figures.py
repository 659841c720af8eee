"""Arrays become pictures and charts; colours are decided here, in ``colours`` and in ``cutouts``.

Zero always has the same colour: maps are divided by a limit, never stretched from their minimum to their maximum.
Arrays may be NumPy arrays or CPU tensors without gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from vizcore.pictures.colours import CATEGORICAL, DIVERGING, GRID, INK, MISSING, SEQUENTIAL
from vizcore.pictures.plotting import graph_objects

if TYPE_CHECKING:
    import plotly.graph_objects as go

Picture = NDArray[np.uint8]


def picture(pixels: ArrayLike) -> Picture:
    """Pixels (C,H,W) in [0,1] as a picture (H,W,3) of bytes; grey ones (C = 1) get three equal channels."""
    array = np.asarray(pixels, dtype=np.float32)
    if array.ndim != 3 or array.shape[0] not in (1, 3):
        raise ValueError(f"pixels has shape {array.shape}; accepted: (3,H,W) or (1,H,W).")
    array = np.nan_to_num(np.broadcast_to(array, (3, *array.shape[1:])), nan=0.5, posinf=1.0, neginf=0.0)
    return np.rint(array.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0).copy()  # (C,H,W) -> (H,W,C)


def stretched(values: ArrayLike, percentile: float = 99.0) -> Picture:
    """values (3,H,W) or (1,H,W) around zero as a picture (H,W,3) with all the contrast that bytes can show.

    1/2 + values / (2 q), clipped, with q the ``percentile`` of |values|; grey all over where there is nothing to show.
    """
    return picture(0.5 + np.asarray(values, dtype=np.float32) / (2 * robust_limit(values, percentile)))


def robust_limit(values: ArrayLike, percentile: float = 99.5) -> float:
    """The value at which colours saturate: a high percentile of |values|, so that a single pixel cannot dim the map.

    Always above zero: the largest |value| where the percentile is zero, and 1 where all values are zero or missing.
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile is {percentile!r}; accepted: above 0, up to 100.")
    magnitude = np.abs(np.asarray(values, dtype=np.float64))
    magnitude = magnitude[np.isfinite(magnitude)]
    if magnitude.size == 0 or not magnitude.max() > 0:
        return 1.0
    return float(np.percentile(magnitude, percentile)) or float(magnitude.max())


def signed_colours(values: ArrayLike, limit: float | None = None) -> Picture:
    """values (...) to colours (..., 3): blue at -limit and below, light grey at zero, orange at +limit and above."""
    return _look_up(values, limit, DIVERGING, -1.0)


def unsigned_colours(values: ArrayLike, limit: float | None = None) -> Picture:
    """values (...) to colours (..., 3): black at zero and below, then red, pale yellow at the limit and above."""
    return _look_up(values, limit, SEQUENTIAL, 0.0)


def colours(values: ArrayLike, *, signed: bool, limit: float | None = None) -> Picture:
    """``signed_colours`` or ``unsigned_colours``."""
    return signed_colours(values, limit) if signed else unsigned_colours(values, limit)


def categories(labels: ArrayLike, shown: Sequence[int]) -> Picture:
    """labels (h,w) to colours (h,w,3): label ``shown[i]`` in ``CATEGORICAL[i]``, every other one in grey."""
    array = np.asarray(labels)
    painted = np.full((*array.shape, 3), MISSING, dtype=np.uint8)
    for label, colour in zip(shown, CATEGORICAL, strict=False):
        painted[array == label] = list(bytes.fromhex(colour[1:]))
    return painted


def overlay(
    pixels: ArrayLike, heat: ArrayLike, *, signed: bool, opacity: float = 0.8, limit: float | None = None
) -> Picture:
    """Heat (H,W) laid over the picture (C,H,W) turned grey: zero leaves the picture bare, the limit covers it most.

    ``opacity`` in [0,1] is what the limit covers; half the limit covers 62 % of that. The picture is grey so that its
    own colours are not read as heat. ``limit`` is :func:`robust_limit` of the heat unless given.
    """
    array = np.asarray(heat, dtype=np.float64)
    base = picture(pixels).astype(np.float64)
    if array.shape != base.shape[:2]:
        raise ValueError(f"heat has shape {array.shape}; accepted: {base.shape[:2]}, the height and width of pixels.")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity is {opacity!r}; accepted: from 0 to 1.")
    bound = _check_limit(array, limit)
    grey = (base @ np.array([0.299, 0.587, 0.114]))[..., None]
    strength = np.nan_to_num(np.abs(array) if signed else array, nan=0.0, posinf=bound) / bound
    alpha = opacity * strength.clip(0, 1)[..., None] ** 0.7
    return np.rint(grey * (1 - alpha) + colours(array, signed=signed, limit=bound) * alpha).astype(np.uint8)


def legend(limit: float, signed: bool, unit: str = "", width: int = 320, height: int = 22, mark: str = ".") -> Picture:
    """A strip (height,width,3) of colours from zero (or -limit) to the limit, the numbers with decimal ``mark``."""
    if width < 2 or height < 8:
        raise ValueError(f"width and height are {width} and {height}; accepted: at least 2 and 8 pixels.")
    bound = _check_limit(np.zeros(1), limit)
    ramp = colours(np.linspace(-1.0 if signed else 0.0, 1.0, width), signed=signed, limit=1.0)
    strip = Image.fromarray(np.repeat(ramp[None], height, axis=0))
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(size=height * 0.6)
    end = f"{bound:.2g}".replace(".", mark)
    texts = [(0.0, "lm", f"-{end}" if signed else "0"), (1.0, "rm", f"{'+' * signed}{end} {unit}".rstrip())]
    for at, anchor, text in [*texts, (0.5, "mm", "0")] if signed else texts:
        x = height // 4 + at * (width - 1 - height // 2)
        ink, halo = ("black", "white") if ramp[round(x)].mean() > 128 else ("white", "black")
        draw.text((x, height // 2), text, ink, font, anchor, stroke_width=height / 22, stroke_fill=halo)
    return np.asarray(strip).copy()


def enlarge(array: ArrayLike, size: int | tuple[int, int], smooth: bool = False) -> Picture:
    """A picture (h,w,3) of bytes at ``size``: (H,W), or the longer side alone; square pixels unless ``smooth``."""
    image = Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8))
    if isinstance(size, int):
        scale = size / max(image.size)
        size = (max(1, round(image.height * scale)), max(1, round(image.width * scale)))
    if min(size) < 1:
        raise ValueError(f"size is {size!r}; accepted: at least one pixel.")
    how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return np.asarray(image.resize((size[1], size[0]), how)).copy()


def grid(pictures: ArrayLike, columns: int | None = None, gap: int = 1, scale: int = 1) -> Picture:
    """A contact sheet of pictures (n,h,w,3): row by row, ``gap`` grey pixels between, each pixel ``scale`` across.

    ``columns`` defaults to the smallest square that holds them all.
    """
    array = np.asarray(pictures, dtype=np.uint8)
    if array.ndim != 4 or array.shape[3] != 3 or len(array) == 0:
        raise ValueError(f"pictures has shape {array.shape}; accepted: (n,h,w,3) with at least one picture.")
    if scale < 1 or gap < 0 or (columns is not None and columns < 1):
        raise ValueError(f"columns, gap, scale are {columns}, {gap}, {scale}; accepted: at least 1, 0 and 1.")
    array = array.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, _ = array.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), MISSING, dtype=np.uint8)
    for index, one in enumerate(array):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = one
    return sheet


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    title: str = "probability",
    span: tuple[float, float] = (0.0, 1.0),
    highlight: int | None = None,
    height: int | None = None,
) -> go.Figure:
    """Horizontal bars, the first on top, with their values; bar number ``highlight`` has a second colour."""
    go = graph_objects()

    fill = [CATEGORICAL[1] if index == highlight else CATEGORICAL[0] for index in range(len(values))]
    names = [label if len(label) <= 22 else label[:21] + "…" for label in labels]
    positions = list(range(len(names)))  # numbers, since two shortened names may be equal
    text = [f"{value:.1%}" if span == (0.0, 1.0) else f"{value:.3g}" for value in values]
    bar = go.Bar(x=list(values), y=positions, orientation="h", marker_color=fill, text=text, hovertext=list(labels))
    bar.update(textposition="auto", hovertemplate="%{hovertext}: %{x:.4g}<extra></extra>", cliponaxis=False)
    figure = frame([bar], title, "", height or 60 + 28 * max(1, len(values)), left=150)
    figure.update_xaxes(range=list(span))
    return figure.update_yaxes(tickvals=positions, ticktext=names, range=[len(names) - 0.5, -0.5], showgrid=False)


def lines(
    x: ArrayLike,
    curves: Mapping[str, ArrayLike],
    *,
    x_title: str = "",
    y_title: str = "",
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    height: int = 280,
) -> go.Figure:
    """Curves over a common x, told apart by colour and dash; a curve shorter than x is one still being drawn."""
    go = graph_objects()

    dashes = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
    across, traces = np.asarray(x, dtype=np.float64).tolist(), []
    for index, (name, curve) in enumerate(curves.items()):
        y = np.asarray(curve, dtype=np.float64).tolist()
        style = {"color": CATEGORICAL[index % len(CATEGORICAL)], "dash": dashes[index % len(dashes)], "width": 2}
        traces.append(go.Scatter(x=across[: len(y)], y=y, name=name, mode="lines", line=style))
    figure = frame(traces, x_title, y_title, height)
    figure.update_layout(hovermode="x unified", showlegend=len(traces) > 1, margin_t=34)  # room for the legend
    return figure.update_xaxes(range=x_range).update_yaxes(range=y_range)


def scatter(
    predicted: ArrayLike,
    actual: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    titles: tuple[str, str] = ("actual", "predicted"),
    height: int = 320,
) -> go.Figure:
    """Predicted against actual values, with the diagonal on which a perfect model lies; fainter points weigh less."""
    go = graph_objects()

    p, a = (np.asarray(values, dtype=np.float64) for values in (predicted, actual))
    both = np.concatenate([p, a])
    both = both[np.isfinite(both)]
    low, high = (float(both.min()), float(both.max())) if both.size else (0.0, 1.0)
    ends = [low - (margin := 0.05 * (high - low) or 0.5), high + margin]
    fade = np.ones(len(p)) if weights is None else np.asarray(weights, dtype=np.float64)
    marks = {"color": CATEGORICAL[0], "size": 5, "opacity": 0.15 + 0.65 * fade / max(float(fade.max(initial=0)), 1e-12)}
    diagonal = go.Scatter(x=ends, y=ends, mode="lines", line={"color": INK, "dash": "dot"}, hoverinfo="skip")
    points = go.Scatter(x=a.tolist(), y=p.tolist(), mode="markers", marker=marks)
    points.hovertemplate = f"{titles[0]} %{{x:.4g}}<br>{titles[1]} %{{y:.4g}}<extra></extra>"
    figure = frame([diagonal, points], *titles, height)
    return figure.update_xaxes(range=ends).update_yaxes(range=ends)


def frame(traces: list[Any], x_title: str, y_title: str, height: int, left: int = 72) -> go.Figure:
    """What all charts share: fixed margins, so that nothing jumps, and colours that a page's theme may replace."""
    go = graph_objects()

    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "automargin": False, "fixedrange": True}
    base = go.layout.Template(layout={"font": {"color": INK}, "xaxis": axis, "yaxis": axis})
    layout = go.Layout(template=base, height=height, showlegend=False, dragmode=False, uirevision="same", bargap=0.25)
    clear, margin = "rgba(0,0,0,0)", {"l": left, "r": 16, "t": 16, "b": 44, "autoexpand": False}
    layout.update(paper_bgcolor=clear, plot_bgcolor=clear, margin=margin)
    layout.update(xaxis_title=x_title, yaxis_title=y_title, legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"})
    return go.Figure(traces, layout)


def _check_limit(values: NDArray[np.float64], limit: float | None) -> float:
    bound = robust_limit(values) if limit is None else float(limit)
    if not (np.isfinite(bound) and bound > 0):
        raise ValueError(f"limit is {limit!r}; accepted: a number above 0, or None for a percentile of |values|.")
    return bound


def _look_up(values: ArrayLike, limit: float | None, ramp: Picture, low: float) -> Picture:
    """ramp[0] at low * limit, ramp[-1] at limit, MISSING where the value is not a number."""
    array = np.asarray(values, dtype=np.float64)
    at = ((array / _check_limit(array, limit)).clip(low, 1.0) - low) / (1.0 - low)
    nan = np.isnan(at)
    found = ramp[np.rint(np.where(nan, 0.0, at) * (len(ramp) - 1)).astype(np.intp)]
    found[nan] = MISSING
    return np.asarray(found)
