"""A figure for print: maps to the pixel and charts beside each other, under what they are of, as PNG, SVG or PDF."""

from __future__ import annotations

import io
import logging
import textwrap
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from vizcore.pictures import figures
from vizcore.pictures.columns import columns
from vizcore.pictures.panels import Chart, Panel, Sheet, Tile
from vizcore.pictures.plotting import printing
from vizcore.pictures.redrawing import plain, printable, redraw

if TYPE_CHECKING:
    import plotly.graph_objects as go

Format = Literal["png", "svg", "pdf"]
FORMATS: tuple[Format, ...] = get_args(Format)
DPI = 300
ACROSS = 5  # panels beside each other, or about as many
_GAP, _EDGE = 45, 60  # pixels of print between panels, and around them
_CHART = 1500  # width of a chart
_SIDES = {1: 1024, 2: 768, 3: 640}  # of a picture, by how many stand beside each other
_SMALL = 512
_INK, _PALE = "#1d1f24", "#555a66"


def save(sheet: Sheet, kind: Format) -> bytes:
    """The sheet as a file. Every pixel of a tile is a square of whole pixels, in SVG and PDF exactly one of an image.

    Text stays text, and dollar signs in it are dollar signs. One sheet is drawn at a time, which takes about a second.
    Raises ValueError for another ``kind``, and for a sheet without panels.
    """
    if kind not in FORMATS:
        raise ValueError(f"kind is {kind!r}; accepted: one of {', '.join(FORMATS)}.")
    if not any(panels for _, panels in sheet.rows):
        raise ValueError("sheet has no panels; accepted: at least one.")
    with printing() as matplotlib, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks
        logging.getLogger("fontTools").setLevel(logging.ERROR)
        page = _Page(matplotlib, sheet, kind)
        file = io.BytesIO()
        title = {"Title": plain(sheet.title)}
        undated: dict[str, Any] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        page.figure.savefig(file, format=kind, dpi=DPI, metadata={**title, **undated[kind]})
        return file.getvalue()


class _Page:
    """The sheet laid out from its top, in pixels of print, and drawn on one of matplotlib's figures."""

    def __init__(self, matplotlib: Any, sheet: Sheet, kind: Format) -> None:
        self.kind, self.mark = kind, sheet.mark
        lines = []
        for heading, panels in sheet.rows:
            across = columns(max(1, len(panels)), ACROSS)
            lines += [(heading, panels[at : at + across], at) for at in range(0, len(panels), across)]
        most = max(len(panels) for _, panels, _ in lines)
        self.target = _SIDES.get(most, _SMALL)
        self.cell = max(self._size(panel)[0] for _, panels, _ in lines for panel in panels)
        self.width = max(_CHART, most * self.cell + (most - 1) * _GAP) + 2 * _EDGE
        self.figure = matplotlib.figure.Figure(figsize=(self.width / DPI, 1), facecolor="white")
        drawn: list[tuple[Panel, tuple[int, int]]] = []
        self.y = _EDGE
        self._texts: list[tuple[int, int, str, float, dict[str, Any]]] = []
        self._write(sheet.title, 10.5, weight="bold")
        for line in sheet.lines:
            self._write(line, 7.5, color=_PALE)
        for heading, panels, at in lines:
            self.y += 24
            if heading and at == 0:
                self._write(heading, 8.5, weight="bold")
            drawn += self._row(panels)
        self.y += 20 * bool(sheet.notes)
        for note in sheet.notes:
            self._write(note, 6.0, color=_PALE)
        self.height = self.y + _EDGE // 2
        self.figure.set_size_inches(self.width / DPI, self.height / DPI)
        self._print()
        for panel, place in drawn:
            self._draw(panel, place)

    def _size(self, panel: Panel) -> tuple[int, int]:
        """Width and height in print."""
        if isinstance(panel, Chart):
            return _CHART, round((panel.figure.layout.height or 360) * DPI / 120)
        height, width = panel.pixels.shape[:2]
        factor = self._factor(panel)
        return factor * width, factor * height

    def _factor(self, tile: Tile) -> int:
        return max(1, round(self.target / max(tile.pixels.shape[:2])))

    def _write(self, text: str, size: float, x: int = _EDGE, width: int | None = None, **how: Any) -> None:
        """Lines of text from ``self.y`` on, broken where the width ends."""
        letters = max(8, int((width or self.width - 2 * _EDGE) / (size * DPI / 72 * 0.58)))
        for line in textwrap.wrap(plain(text) if width else printable(text), letters):
            self._texts.append((x, self.y, line, size, how))
            self.y += round(size * 1.35 * DPI / 72)

    def _print(self) -> None:
        for x, y, text, size, how in self._texts:
            at = (x / self.width, 1 - y / self.height)
            self.figure.text(*at, text, fontsize=size, **{"va": "top", "color": _INK, **how})

    def _row(self, panels: Sequence[Panel]) -> list[tuple[Panel, tuple[int, int]]]:
        top, titles, found = self.y, [], []
        for at, panel in enumerate(panels):
            self.y = top
            self._write(panel.title, 7.5, _EDGE + at * (self.cell + _GAP), self.cell, weight="bold")
            titles.append(self.y)
        begin, bottom = max(titles) + 8, top
        for at, panel in enumerate(panels):
            height = self._size(panel)[1]
            if isinstance(panel, Chart):
                height += 46 * _legend_lines(panel.figure)
            found.append((panel, (_EDGE + at * (self.cell + _GAP), begin)))
            bottom = max(bottom, begin + height + (panel.foot if isinstance(panel, Tile) else 0))
        self.y = bottom
        return found

    def _draw(self, panel: Panel, place: tuple[int, int]) -> None:
        x, y = place
        width, height = self._size(panel)
        if isinstance(panel, Chart):
            self._chart(panel.figure, x, y, width, height)
            return
        self._image(panel.pixels, x, y, width, height)
        self._texts = []
        for line, (colour, name) in enumerate(panel.key):
            below = y + height + 12 + 36 * line
            self._texts += [(x, below, "■", 7.0, {"color": colour}), (x + 40, below, plain(name), 7.0, {})]
        self._print()
        if panel.limit is not None:
            ramp = np.linspace(-1.0 if panel.signed else 0.0, 1.0, 256)[None]
            self._image(figures.colours(ramp, signed=panel.signed, limit=1.0), x, y + height + 12, width, 24)
            end = f"{panel.limit:.3g}".replace(".", self.mark)
            ends = [(x, "left", f"−{end}" if panel.signed else "0")]
            ends += [(x + width // 2, "center", "0")] * panel.signed
            ends.append((x + width, "right", f"{'+' * panel.signed}{end}"))
            below = y + height + 42
            self._texts = [(at, below, text, 6.5, {"ha": side}) for at, side, text in ends]
            if panel.unit:
                self._texts.append((x + width, below + 32, plain(panel.unit), 6.5, {"ha": "right", "color": _PALE}))
            self._print()

    def _axes(self, x: float, y: float, width: float, height: float) -> Any:
        box = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def _image(self, pixels: figures.Picture, x: int, y: int, width: int, height: int) -> None:
        if self.kind == "png":  # laid down as they are: the library's own scaling may be a pixel off at an edge
            rows = np.arange(height) * pixels.shape[0] // height
            columns = np.arange(width) * pixels.shape[1] // width
            self.figure.figimage(pixels[rows[:, None], columns], xo=x, yo=self.height - y - height)
            return
        axes = self._axes(x, y, width, height)
        axes.imshow(pixels, interpolation="none", aspect="auto")
        axes.axis("off")

    def _chart(self, figure: go.Figure, x: int, y: int, width: int, height: int) -> None:
        share, margin = DPI / 120, figure.layout.margin
        legend = 46 * _legend_lines(figure)
        left, right, foot = ((side or 0) * share for side in (margin.l, margin.r, margin.b))
        top = min(margin.t or 0, 24) * share  # what the page has above that is room for its own legend
        axes = self._axes(x + left, y + legend + top, width - left - right, height - top - foot)
        entries = redraw(figure, axes, self.mark)
        if legend:
            names = [plain(name) or "–" for _, name in entries]
            self.figure.legend(
                [mark for mark, _ in entries],
                [f" {name}" if name.startswith("_") else name for name in names],  # else it would be left out
                loc="upper left",
                bbox_to_anchor=(x / self.width, 1 - y / self.height),
                ncols=_COLUMNS,
                frameon=False,
                borderaxespad=0,
                borderpad=0,
            )


_COLUMNS = 3  # of a legend


def _legend_lines(figure: go.Figure) -> int:
    """How many lines the legend takes: none where there is one nameless or single curve to tell from no other."""
    names = [trace.name for trace in figure.data if trace.type == "scatter" and trace.name]
    return -(-len(names) // _COLUMNS) if len(names) > 1 else 0
