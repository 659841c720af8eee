"""Pictures, maps with their legends, and small charts, as every page shows them."""

from __future__ import annotations

import base64
import hashlib
import io
from functools import partial
from html import escape
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image
from torch import Tensor

from ui.running.results import Store
from ui.texts import inert, language, number, percent, separators, t
from ui.viewer import shown
from ui.viewer.names import as_text
from vizcore.networks.classifier import Classifier
from vizcore.pictures import figures, panels
from vizcore.pictures.colours import SHADE

# Network inputs are small; browsers smooth what they enlarge, which would blur a map's true resolution.
DISPLAY = 512
_STOPS = 17  # of a legend's colours
_FILES = Store(entries=100, megabytes=32)  # apart from the results, which frames of a moving picture would push out

# Beside something else than style Streamlit keeps the rules in their place on the page; alone they would be taken out
# and put back at every run, and the page would be without them in between.
_STYLE = """<div class="vz-style"></div><style>
[data-testid="stElementContainer"]:has(.vz-style) {display: none;}
.block-container {padding-top: 1.1rem; max-width: 1500px;}
[data-testid="stHeader"] {background: transparent; pointer-events: none;}
[data-testid="stHeader"] button {pointer-events: auto;}
[data-testid="stSidebarUserContent"] {margin-inline: -.7rem;} /* room for whole names */
[data-testid="stSidebar"] [data-testid="stSelectbox"] input {font-size: .875rem; text-overflow: ellipsis;}
h1 {font-size: 1.7rem !important; padding: 0 !important; line-height: 1.2 !important;}
h2 {font-size: 1.15rem !important; padding: 0 !important;}
h3 {font-size: 1rem !important; padding: 0 !important;}
[data-testid="stImage"] img {width: 100%; height: auto;}
[data-tag] {max-width: 100%; height: auto; min-height: 1.75rem; padding-block: .2rem;}
[data-tag] > span {white-space: normal; overflow: visible; max-width: none; line-height: 1.2; mask-image: none;}
.vz-bars {display: grid; grid-template-columns: fit-content(55%) minmax(2rem, 1fr) 4.2rem; gap: .35rem .6rem;
  align-items: center; font-size: .95rem; margin: .2rem 0 .6rem 0;}
.vz-bars .bar {height: .85rem; border-radius: .3rem; background: currentColor; opacity: .45; min-width: 2px;}
.vz-bars .chosen {font-weight: 600;}
.vz-bars .bar.chosen {opacity: 1; background: light-dark(#b33a08, #fb923c);}
.vz-bars .value {text-align: right; font-variant-numeric: tabular-nums;}
.vz-bars .name {overflow-wrap: break-word; line-height: 1.15;}
.vz-invitation {display: block; width: min(100%, 8rem); border-radius: .4rem; image-rendering: auto;}
.vz-key {white-space: nowrap; margin-right: 1rem; font-size: .85rem; line-height: 1.7;}
.vz-key > span {display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; margin-right: .35rem;}
.vz-legend {font-size: .85rem; min-height: calc(2.7em + .6rem); line-height: 1.35; font-variant-numeric: tabular-nums;}
.vz-legend > i {display: block; height: .6rem; border-radius: .2rem;}
.vz-legend > div {display: grid; grid-template-columns: 1fr auto 1fr; text-align: right; min-height: 1.35em;}
.vz-legend > div:last-child {display: block;}
.vz-legend:has(> div:last-child:empty) {min-height: calc(1.35em + .6rem);} /* nothing to say below */
.vz-legend > div:last-child:empty {display: none;}
.vz-legend span:first-child {text-align: left;}
[class*="st-key-feed-"], .st-key-reconnect, .st-key-hall-token, .st-key-hall-follow {display: none;} /* scripts alone */
[class*="st-key-status-"] {min-height: 2.5rem;} /* of its button, so that nothing jumps when that goes */
.vz-key > i {display: inline-block; width: 1.6rem; margin-right: .35rem; vertical-align: middle;}
[class*="st-key-card-"] {position: relative;} /* pressed anywhere, a card opens what it links to */
[class*="st-key-card-"] a::after {content: ""; position: absolute; inset: 0;}
[class*="st-key-card-"] [data-testid="stPageLink"],
[class*="st-key-card-"] [data-testid="stPageLink"] * {position: static;}
[data-testid="stMetricValue"] {font-size: 1.6rem;} /* and never a number cut short */
[data-testid="stMetricLabel"] *,
[data-testid="stMetricValue"] > div {overflow: visible; text-overflow: clip; white-space: normal;}
.st-key-part-bars {min-height: 6rem;} /* bars come with the result */
.st-key-curves {min-height: 28.25rem;} /* a chart that is drawn anew has no height for a moment */
.st-key-settings [data-testid="stVerticalBlock"], .st-key-settings {gap: .45rem;}
.st-key-settings [data-testid="stSlider"] {margin-bottom: -.9rem;} /* below it Streamlit leaves room for its ends */
.st-key-settings h3 {padding-bottom: .9rem !important;} /* or what follows lies over it */
.st-key-settings [data-testid="stButtonGroup"] button {padding-left: .55rem; padding-right: .55rem;}
.st-key-result {gap: .6rem;}
.st-key-result h2 {padding-top: .2rem !important;}
.katex-display {margin: 0 0 .5rem 0; padding: .2rem 0; text-align: left; overflow: hidden !important;}
.katex-display > .katex {text-align: left; white-space: normal; font-size: 1.1em;} /* breaks between its terms */
.katex-display > .katex > .katex-html > .base {margin: .25em 0;}
@media (max-width: 640px) { /* two maps beside each other, since they are there to be compared */
  .block-container {padding: 3rem .8rem 5rem .8rem;} /* the title beneath the button that opens the menu */
  [class*="st-key-pair"] [data-testid="stColumn"] {
    min-width: calc(50% - .5rem); max-width: calc(50% - .4rem); flex: 1 1 calc(50% - .5rem);}
  [class*="st-key-pair"] [data-testid="stHorizontalBlock"] {gap: .8rem;}
  [class*="st-key-pair"] h2 {min-height: 2.4em; display: flex; align-items: end;} /* so that maps stay level */
}
/* Streamlit's white on the dark theme's orange has a contrast of 2.3 : 1, its pale grey one of 3.9 : 1; small type
needs 4.5. */
[data-testid^="stBaseButton-primary"] *, [data-testid="stMultiSelect"] [data-tag] * {
  color: light-dark(#ffffff, #1a1a18);}
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p, [data-testid="stImageCaption"],
[data-testid="stImageCaption"] p {color: light-dark(#5c5b59, #b9b7b2); opacity: 1;}
</style>"""
# Streamlit has no other words for it than its English ones.
_UPLOADER = """[data-testid="stFileUploaderDropzone"] button p {font-size: 0;}
[data-testid="stFileUploaderDropzone"] button p::after {font-size: .875rem; content: "%s";}
[data-testid="stFileUploaderDropzoneInstructions"] {display: none;}
"""


def style(more: str = "") -> None:
    """The few rules that Streamlit's own theme leaves open, and ``more`` of them."""
    own = "" if language() == "en" else _UPLOADER % t("frame.choose_file")
    st.html(_STYLE.replace("</style>", f"{own}{more}</style>"))


def picture(
    image: Tensor | np.ndarray,
    caption: str | None = None,
    box: Any = None,
    *,
    alt: str | None = None,
    keep: str = "",
    within: tuple[str, str] = ("", ""),
) -> None:
    """One picture, (C,H,W) in [0,1] or (H,W,3) uint8, as wide as its place; ``alt`` is read out without a caption.

    It can be taken along under the name ``keep``, titled by its caption, or else by ``alt``; ``within`` is the group of
    those that belong together, and its heading.

    What is drawn into a ``box`` may be drawn over in the same run of the script. Streamlit deletes that picture's file
    at the end of the run, maybe before a slow browser has asked for it: such pictures travel within the message.
    """
    array = image if isinstance(image, np.ndarray) else figures.picture(image)
    if keep:
        named = caption or alt or keep
        shown.keep(keep, named, partial(panels.Tile, named, array), *within)
    large = _large(array)
    sent = _png(large) if box is None else inline(large)
    (box or st).image(
        sent, caption=caption and inert(caption), width="stretch", output_format="PNG", alt=caption or alt
    )


def inline(array: np.ndarray) -> str:
    """The picture (H,W,3) of bytes as an address that holds the whole file."""
    return f"data:image/png;base64,{base64.b64encode(_png(array)).decode()}"


def _png(array: np.ndarray) -> bytes:
    """The picture as a file; those shown last are remembered, since encoding is most of what a rerun costs."""

    def encode() -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(array).save(file, format="PNG", compress_level=3)
        return np.frombuffer(file.getvalue(), dtype=np.uint8)

    pixels = np.ascontiguousarray(array)
    return _FILES.get_or((pixels.shape, hashlib.sha256(pixels.tobytes()).digest()), encode).tobytes()


def _large(array: np.ndarray) -> np.ndarray:
    factor = max(1, DISPLAY // max(array.shape[0], array.shape[1]))
    return figures.enlarge(array, factor * max(array.shape[:2])) if factor > 1 else array


def legend(limit: float, signed: bool, unit: str, box: Any = None, *, hidden: bool = False) -> None:
    """What a small map's colours stand for: a strip with its numbers, and the unit; ``hidden`` it keeps the place."""
    ramp = figures.colours(np.linspace(-1.0 if signed else 0.0, 1.0, _STOPS), signed=signed, limit=1.0)
    end = number(limit, ".3g")
    ends = (f"−{end}" if signed else "0", "0" * signed, f"+{end}")
    strip(["#" + bytes(colour).hex() for colour in ramp], ends, unit, box, hidden=hidden)


def strip(colours: list[str], ends: tuple[str, str, str], words: str, box: Any = None, *, hidden: bool = False) -> None:
    """Colours as a strip, what stands for at its left end, in its middle and at its right, and ``words`` below."""
    style = ' style="visibility: hidden" aria-hidden="true"' if hidden else ""
    stops = ", ".join(map(escape, colours))
    line = f'<i style="background: linear-gradient(to right, {stops})"></i>' if colours else ""
    below = "".join(f"<span>{escape(end)}</span>" for end in ends)
    (box or st).html(f'<div class="vz-legend"{style}>{line}<div>{below}</div><div>{escape(words)}</div></div>')


def title(text: str) -> None:
    """The title of a result, as it is: nothing in it is Markdown."""
    st.header(inert(text), anchor=False)


def formula(latex: str) -> None:
    """The formula with the values set now."""
    st.latex(latex)


def bars(title: str, rows: list[tuple[str, float, bool]]) -> None:
    """Probabilities of a few classes as bars; the row of the explained class stands out."""
    cells = []
    for name, value, chosen in rows:
        mark = " chosen" if chosen else ""
        cells.append(
            f'<div class="name{mark}">{escape(name)}</div>'
            f'<div><div class="bar{mark}" style="width:{100 * value:.2f}%"></div></div>'
            f'<div class="value{mark}">{percent(value)}</div>'
        )
    st.html(f'<div><strong>{escape(title)}</strong><div class="vz-bars">{"".join(cells)}</div></div>')


def explain(page: str) -> None:
    """How to read the result, what to try, what misleads, and the source."""
    for part in ("read", "try", "mislead", "paper"):
        with st.expander(t(f"show.{part}"), expanded=part == "read"):
            st.markdown(t(f"{page}.{part}"))


def chart(figure: Any, key: str, box: Any = None, *, title: str = "", select: bool = False) -> Any:
    """A plotly chart in the page's own theme, without the tool bar that covers small charts; large before a hall.

    ``title`` is what it is called where it is taken along. Where points can be ``select``ed, the page runs again by a
    click at one, and what was clicked is returned.
    """
    shown.keep(key, title or key, partial(panels.Chart, title, figure))
    figure = type(figure)(figure)  # another one than what is kept
    if st.session_state.get("presenting"):
        size = {"size": 22}
        figure = figure.update_layout(font=size, legend_font=size, height=1.5 * (figure.layout.height or 300))
        large = {"tickfont": size, "title_font": size, "title_standoff": 14, "automargin": True}
        figure = figure.update_xaxes(**large).update_yaxes(**large).update_layout(margin_autoexpand=True)
    as_text(figure)
    figure.update_layout(separators=separators())
    how: dict[str, Any] = {"on_select": "rerun", "selection_mode": "points"} if select else {}
    return (box or st).plotly_chart(figure, width="stretch", key=key, config={"displayModeBar": False}, **how)


def line_key(entries: list[tuple[str, str, str]], band: str = "") -> None:
    """Which curve is what: (name, colour, solid or dash or dot), and the ``band``, for charts beside each other."""
    kinds = {"solid": "solid", "dash": "dashed", "dot": "dotted"}
    marks = "".join(
        f'<span class="vz-key"><i style="border-top: 3px {kinds[dash]} {escape(colour)}"></i>{escape(name)}</span>'
        for name, colour, dash in entries
    )
    if band:
        marks += f'<span class="vz-key"><i style="border-top: .8rem solid {SHADE}"></i>{escape(band)}</span>'
    st.html(f"<div>{marks}</div>")


def key(entries: list[tuple[str, str]]) -> None:
    """What each colour of a map of names stands for."""
    marks = "".join(
        f'<span class="vz-key"><span style="background:{escape(colour)}"></span>{escape(name)}</span>'
        for colour, name in entries
    )
    st.html(f"<div>{marks}</div>")


def blank(clf: Classifier) -> Tensor:
    """The picture (C,H,W) in which the network sees nothing: its input is zero everywhere."""
    return clf.mean[0].cpu().clamp(0, 1).expand(clf.input_shape)  # (C,1,1) -> (C,H,W)
