"""Figures for print: maps to the pixel in every format, text as text, and names that are nothing but names."""

from __future__ import annotations

import base64
import io
import re
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vizcore.pictures import charts, figures, panels, sheets
from vizcore.pictures.panels import Chart, Sheet, Tile
from vizcore.pictures.plotting import printing
from vizcore.pictures.redrawing import power, redraw
from vizcore.study import charts as study_charts
from vizcore.study.bootstrap import Interval

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    r"$\frac{1}{0}$",
    r"$\undefined$",
    "$$",
    "100 $ of $ x_1^2",
    "<script>alert(1)</script> & ]]>",
    "a\x00\x0b\u202eb",
    "_x",
    "%s{}",
]


def pixels(seed: int = 0, side: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def sheet(*panels: panels.Panel, title: str = "Occlusion · horse", lines: tuple[str, ...] = ("Network: n",)) -> Sheet:
    return Sheet(title, lines, (("", panels),), ("a note",))


def texts(svg: bytes) -> list[str]:
    return ["".join(one.itertext()).strip() for one in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def images_of_svg(svg: bytes) -> list[NDArray[np.uint8]]:
    found = []
    for one in ElementTree.fromstring(svg).iter(f"{SVG}image"):
        data = base64.b64decode(one.attrib["{http://www.w3.org/1999/xlink}href"].partition(",")[2])
        with Image.open(io.BytesIO(data)) as image:
            found.append(np.asarray(image.convert("RGB")))
    return found


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def images_of_pdf(pdf: bytes) -> list[NDArray[np.uint8]]:
    """The RGB images in a PDF, whose streams are those of PNG: deflated, each line predicted from the one above."""
    found = []
    for match in re.finditer(rb"/Subtype /Image(.*?)stream\r?\n", pdf, re.DOTALL):
        head = match[1]
        if b"/Colors 3" not in head:  # the scale's colours, which fit a palette
            continue
        side = [int(one) for one in re.findall(rb"/(?:Width|Height) (\d+)", head)]
        data = zlib.decompressobj().decompress(pdf[match.end() :])
        header = side[0].to_bytes(4, "big") + side[1].to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
        png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
        with Image.open(io.BytesIO(png)) as image:
            found.append(np.asarray(image)[::-1])  # the bottom line comes first, and is drawn upside down
    return found


def text_of_pdf(pdf: bytes) -> bytes:
    """The letters of a PDF in order, without what moves them closer; codes of two bytes as one."""
    found = []
    for match in re.finditer(rb"stream\r?\n", pdf):
        try:
            found.append(zlib.decompressobj().decompress(pdf[match.end() :]))
        except zlib.error:
            continue  # not a compressed stream
    return b"".join(re.findall(rb"\(((?:\\.|[^()\\])*)\)", b"".join(found).replace(b"\x00", b"")))


def test_svg_and_pdf_hold_the_map_s_own_pixels() -> None:
    one, two = pixels(1), pixels(2, 48)
    drawn = sheet(Tile("a", one, 0.5), Tile("b", two))
    for found in (images_of_svg(sheets.save(drawn, "svg")), images_of_pdf(sheets.save(drawn, "pdf"))):
        assert any(np.array_equal(image, one) for image in found)
        assert any(np.array_equal(image, two) for image in found)


@pytest.mark.parametrize("side", [7, 32, 128, 227, 299])
def test_in_png_each_pixel_is_a_square_of_whole_pixels(side: int) -> None:
    tile = pixels(3, side)
    tile[0, 0], tile[-1, -1] = (1, 2, 3), (3, 2, 1)
    with Image.open(io.BytesIO(sheets.save(sheet(Tile("", tile)), "png"))) as opened:
        assert round(opened.info["dpi"][0]) == sheets.DPI
        page = np.asarray(opened.convert("RGB"))
    scale = max(1, round(1024 / side))
    rows, columns = np.nonzero((page == tile[0, 0]).all(axis=2))
    inside = page[rows.min() : rows.min() + scale * side, columns.min() : columns.min() + scale * side]
    assert np.array_equal(inside, tile.repeat(scale, axis=0).repeat(scale, axis=1))


def test_the_blend_is_the_viewer_s() -> None:
    rng = np.random.default_rng(0)
    image, heat = rng.random((3, 8, 8)), rng.normal(size=(8, 8))
    half = panels.blended(image, heat, signed=True, limit=1.0, opacity=0.5)
    assert np.array_equal(half, figures.overlay(image, heat, signed=True, opacity=1.0, limit=1.0))
    alone = panels.blended(image, np.abs(heat), signed=False, limit=1.0, opacity=1.0)
    assert np.array_equal(alone, figures.unsigned_colours(np.abs(heat), 1.0))
    bare = panels.blended(image, heat, signed=True, limit=1.0, opacity=0.0)
    assert np.array_equal(bare[..., 0], bare[..., 1])


def test_text_stays_text_and_says_what_the_figure_is_of() -> None:
    lines = ("Network: Mini-AlexNet · Picture: Scene 34 · Class: horse", "Window 24 px · Stride 8 px")
    drawn = sheet(Tile("drop", pixels(), 0.25, unit="probability"), title="Occlusion · horse", lines=lines)
    svg = texts(sheets.save(drawn, "svg"))
    assert {"Occlusion · horse", *lines, "drop", "−0.25", "+0.25", "probability", "a note"} <= set(svg)
    pdf = sheets.save(drawn, "pdf")
    assert b"/Type /Font" in pdf
    assert b"/FontFile2" in pdf  # TrueType, whose letters can be searched
    assert b"Occlusion" in text_of_pdf(pdf)
    assert b"Stride 8 px" in text_of_pdf(pdf)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", sheets.FORMATS)
def test_a_stranger_s_name_is_printed_and_nothing_else(name: str, kind: sheets.Format) -> None:
    curve = charts.curves(
        [0, 1], {name: (0, [0, 1]), "other": (1, [1, 0])}, x_title=name, y_title=name, x_names=[name, "b"]
    )
    forest = study_charts.forest([name, "b"], {name: {0: Interval(0.5, 0.4, 0.6, 9)}}, x_title=name)
    drawn = Sheet(
        name,
        (name,),
        ((name, (Tile(name, pixels(), 1.0, unit=name), Chart(name, curve), Chart(name, forest))),),
        (name,),
    )
    data = sheets.save(drawn, kind)
    if kind == "svg":
        shown = sheets.plain(name)
        assert texts(data).count(shown) >= 9
        assert not list(ElementTree.fromstring(data).iter(f"{SVG}script"))


def test_the_same_sheet_is_the_same_file() -> None:
    for kind in sheets.FORMATS:
        assert sheets.save(sheet(Tile("a", pixels(), 1.0)), kind) == sheets.save(sheet(Tile("a", pixels(), 1.0)), kind)


def test_a_sheet_without_panels_and_an_unknown_format_are_refused() -> None:
    with pytest.raises(ValueError, match="no panels"):
        sheets.save(Sheet("t", (), (("", ()),)), "png")
    with pytest.raises(ValueError, match="accepted: one of png, svg, pdf"):
        sheets.save(sheet(Tile("", pixels())), "eps")  # type: ignore[arg-type]


def test_printing_leaves_the_library_s_settings_as_they_were() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    sheets.save(sheet(Tile("a", pixels())), "svg")
    assert dict(matplotlib.rcParams) == before


def test_a_chart_is_redrawn_from_its_own_numbers() -> None:
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.25, np.nan, 0.75])
    band = (np.zeros(3), np.ones(3))
    figure = charts.curves(x, {"a": (0, y), "b": (7, y + 1)}, band=band, band_name="chance", x_title="x", y_title="y")
    with printing() as matplotlib:
        axes = matplotlib.figure.Figure().add_subplot()
        entries = redraw(figure, axes)
        lines = [line for line in axes.get_lines() if len(line.get_xdata()) == 3]
        assert [name for _, name in entries] == ["chance", "a", "b"]
        np.testing.assert_array_equal(lines[0].get_ydata(), y)
        np.testing.assert_array_equal(lines[1].get_ydata(), y + 1)
        assert matplotlib.colors.to_hex(lines[0].get_color()) == charts.style(0)["color"]
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")


def test_every_kind_of_chart_of_the_pages_can_be_printed() -> None:
    rng = np.random.default_rng(0)
    x = np.logspace(-3, 1, 20)
    log = figures.lines(x, {"a": x, "b": x**2}).update_xaxes(type="log", dtick=1).update_yaxes(type="log")
    point = study_charts.Point(0, 0.5, "scene:1", ("scene:1", "n", "cat"))
    every = [
        log,
        figures.scatter(rng.random(9), rng.random(9), weights=rng.random(9)),
        figures.bars(["a", "b"], [0.2, 0.8], highlight=1),
        charts.matrix(["a", "b"], [[1.0, np.nan], [-0.5, 1.0]]),
        study_charts.forest(["a"], {"n": {0: Interval(0.5, float("nan"), float("nan"), 1)}}, line=0.0),
        study_charts.points(["a"], {"n": [point]}, x_title="x", y_title="y"),
    ]
    drawn = sheet(*(Chart(str(number), one) for number, one in enumerate(every)))
    assert {"10⁻³", "−0.50", "80.0%"} <= set(texts(sheets.save(drawn, "svg")))


def test_a_trace_that_is_not_known_is_not_left_out_in_silence() -> None:
    import plotly.graph_objects as go

    with pytest.raises(ValueError, match="accepted: scatter"):
        sheets.save(sheet(Chart("pie", figures.frame([go.Pie(values=[1])], "", "", 300))), "png")


@pytest.mark.parametrize(("value", "text"), [(100, "100"), (0.01, "0.01"), (1e-5, "10⁻⁵"), (2e6, "2·10⁶")])
def test_numbers_of_a_logarithmic_axis(value: float, text: str) -> None:
    assert power(value) == text


def test_numbers_have_the_decimal_mark_of_the_page() -> None:
    matrix = charts.matrix(["a", "b"], [[1.0, 0.25], [-0.5, 1.0]])
    curve = charts.curves([0.0, 0.5, 1.0], {"a": (0, [0.0, 0.5, 1.0])})
    panels = (Tile("", pixels(), 0.25), Chart("", matrix), Chart("", curve))
    shown = texts(sheets.save(Sheet("t", (), (("", panels),), mark=","), "svg"))
    assert {"−0,25", "+0,25", "0,25", "−0,50", "1,00", "0,4"} <= set(shown)
    assert not [one for one in shown if re.search(r"\d\.\d", one)]


def test_own_texts_of_a_trace_are_printed_as_they_are() -> None:
    shown = texts(sheets.save(sheet(Chart("", figures.bars(["a"], [0.2]))), "svg"))
    assert "20.0%" in shown


def test_a_map_of_names_has_its_key() -> None:
    tile = Tile("", pixels(), key=(("#3280dd", "cat"), ("#cb5a1a", "$x$ <b>")))
    svg = sheets.save(sheet(tile), "svg")
    shown = texts(svg)
    assert shown.count("■") == 2
    assert {"cat", "$x$ <b>"} <= set(shown)
    assert b"fill: #3280dd" in svg
