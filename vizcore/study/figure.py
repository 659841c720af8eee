"""python -m vizcore.study.figure rows.csv [more.csv] figure.png : a study's main findings as one picture.

Four panels, one line per method and one colour per network: insertion and deletion on scenes, the mass on the object of
stamped scenes, and the rank correlation with the maps of random networks. Points are means, lines their 95 % intervals.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vizcore.study import charts, report, rows
from vizcore.study.bootstrap import Interval
from vizcore.study.report import Group
from vizcore.study.rows import Row
from vizcore.study.sources import StudyError

PANELS: tuple[tuple[str, report.Kind, str], ...] = (
    ("insertion", "scenes", "Insertion area (higher is better)"),
    ("deletion", "scenes", "Deletion area (lower is better)"),
    ("inside", "stamped", "Positive mass on the object, in stamped scenes"),
    ("sanity", "scenes", "Rank correlation with maps of random networks"),
)
TITLES = {
    "gradient": "Gradient x input",
    "smoothgrad": "SmoothGrad x input",
    "integrated": "Integrated gradients",
    "gradcam": "Grad-CAM",
    "occlusion": "Occlusion",
    "adaline": "LIME (ADALINE)",
    "ridge": "LIME (ridge)",
    "random": "Random",
    "edges": "Edges",
}
WIDTH, LINE, LEFT, HEAD, FOOT, GAP = 800, 44, 230, 56, 44, 24  # pixels of one panel
INK, PALE = (40, 43, 50), (225, 227, 232)

Series = Mapping[str, Mapping[str, Interval]]


def draw(found: Sequence[Row]) -> Image.Image:
    """The figure of a study's rows; a panel of which there are no values stays away."""
    groups = report.groups(found)
    methods, networks = report.methods_of(found), list(dict.fromkeys(group.network for group in groups))
    panels = []
    for figure, kind, title in PANELS:
        own = {name: groups.get(Group(name, kind), []) for name in networks}
        series = {name: report.intervals(part, figure) for name, part in own.items()}
        if any(series.values()):
            pictures = max(one.count for part in series.values() for one in part.values())
            panels.append(_panel(f"{title}, {pictures} pictures", series, methods))
    if not panels:
        raise StudyError("There is nothing to draw: no row has a value of any of the figure's panels.")
    size = panels[0].size
    columns, lines = min(2, len(panels)), -(-len(panels) // 2)
    sheet = Image.new("RGB", (columns * (size[0] + GAP) + GAP, lines * (size[1] + GAP) + 70), "white")
    for at, panel in enumerate(panels):
        sheet.paste(panel, (GAP + at % 2 * (size[0] + GAP), 70 + at // 2 * (size[1] + GAP)))
    pen, x = ImageDraw.Draw(sheet), GAP + 10
    for at, name in enumerate(networks):
        _mark(pen, x + 8, 36, at, 8)
        pen.text((x + 28, 36), name, INK, _font(24), "lm")
        x += 60 + int(pen.textlength(name, _font(24)))
    return sheet


def _panel(title: str, series: Series, methods: Sequence[str]) -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEAD + LINE * len(methods) + FOOT), "white")
    pen = ImageDraw.Draw(image)
    pen.text((10, HEAD // 2), title, INK, _font(25), "lm")
    ends = [end for part in series.values() for one in part.values() for end in _ends(one)]
    low, high = min(0.0, *ends), max(1.0, *ends)
    top, bottom = HEAD, HEAD + LINE * len(methods)

    def across(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - 30)

    for step in range(int(low / 0.2 - 1e-9), int(high / 0.2 + 1e-9) + 1):
        x = across(0.2 * step)
        pen.line((x, top, x, bottom), PALE, 3 if step == 0 else 1)
        pen.text((x, bottom + 8), f"{0.2 * step:.1f}", INK, _font(19), "mt")
    for line, method in enumerate(methods):
        y = top + LINE * (line + 0.5)
        pen.text((LEFT - 16, y), TITLES.get(method, method), INK, _font(21), "rm")
        for at, part in enumerate(series.values()):
            if method not in part:
                continue
            own = y + (at - (len(series) - 1) / 2) * 16
            start, mean, end = (across(value) for value in _ends(part[method]))
            pen.line((start, own, end, own), charts.colour(at), 4)
            _mark(pen, mean, own, at, 6)
    return image


def _ends(one: Interval) -> tuple[float, float, float]:
    """Low end, mean and high end; a single picture has no interval."""
    return (one.low, one.mean, one.high) if one.low == one.low else (one.mean,) * 3


def _mark(pen: ImageDraw.ImageDraw, x: float, y: float, at: int, r: float) -> None:
    """A dot, or for every other network a diamond, so that colour is not all that tells them apart."""
    colour = charts.colour(at)
    if at % 2 == 0:
        pen.ellipse((x - r, y - r, x + r, y + r), colour)
    else:
        pen.polygon([(x - r - 2, y), (x, y - r - 2), (x + r + 2, y), (x, y + r + 2)], colour)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def main(arguments: Sequence[str]) -> int:
    """Draw the figure of the tables named first into the file named last; 2 with a sentence where that cannot be."""
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    *tables, picture = map(Path, arguments)
    try:
        found = [row for path in tables for row in rows.read(path.read_text(encoding="utf-8"))]
        draw(found).quantize(64).save(picture)
    except (StudyError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
