"""What a figure for print is made of: maps to the pixel, charts, and rows of them under what they are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from vizcore.pictures import figures

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False)
class Tile:
    """Bytes (h,w,3), each a square of whole pixels in print; ``limit`` and ``unit`` are those of a map's colours.

    ``key`` tells what single colours stand for, as (#rrggbb, name).
    """

    title: str
    pixels: figures.Picture
    limit: float | None = None
    signed: bool = True
    unit: str = ""
    key: tuple[tuple[str, str], ...] = ()

    @property
    def foot(self) -> int:
        """Pixels of print that the scale and the key take below the picture."""
        return (84 + 32 * bool(self.unit)) * (self.limit is not None) + 36 * len(self.key)


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart of :mod:`vizcore.pictures.figures` or :mod:`~vizcore.pictures.charts`."""

    title: str
    figure: go.Figure


Panel = Tile | Chart


@dataclass(frozen=True, eq=False)
class Sheet:
    """Rows of panels, each row under its heading (or none), with a title, lines below it, and notes at the end.

    ``mark`` is the decimal mark of the numbers that are written here; those in the texts are there already.
    """

    title: str
    lines: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    notes: tuple[str, ...] = ()
    mark: str = "."


def blended(pixels: ArrayLike, heat: ArrayLike, *, signed: bool, limit: float, opacity: float) -> figures.Picture:
    """A map (H,W) over its picture (C,H,W) as the viewer shows it at ``opacity`` in [0,1], as bytes (H,W,3).

    Up to 1/2 zero leaves the grey picture bare; above, the map closes over it, and at 1 its colours stand alone.
    """
    if opacity <= 0.5:
        return figures.overlay(pixels, heat, signed=signed, opacity=2 * opacity, limit=limit)
    over = figures.overlay(pixels, heat, signed=signed, opacity=1.0, limit=limit).astype(np.float64)
    alone = figures.colours(heat, signed=signed, limit=limit)
    return np.rint(over + (2 * opacity - 1) * (alone - over)).astype(np.uint8)
