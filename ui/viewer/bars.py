"""Bars of the parts of a picture, such as superpixels: a part and its bar light up together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ui.texts import separators
from ui.viewer.javascript import script
from vizcore.pictures import figures

_HERE = Path(__file__).parent
_BARS = st.components.v2.component(
    "vizcore_bars",
    html='<div class="part-bars"><div class="bars" role="slider" tabindex="0" aria-valuemin="1"></div>'
    '<div class="status" role="status" aria-live="polite"></div></div>',
    css=(_HERE / "bars.css").read_text(encoding="utf-8"),
    js=script("numbers.js", "bars.js"),
)


def bars(
    key: str,
    numbers: Sequence[int],
    values: Sequence[float],
    label: str,
    *,
    part: str,
    group: str,
    curve: str = "",
    errors: Sequence[float] | None = None,
) -> None:
    """One bar for each part ``numbers``, from the left, up or down by its value; ``label`` is said while none is lit.

    ``part`` with its ``{n}`` is how one is read off, ``group`` the viewers' whose parts they are. ``curve`` with its
    ``{n}``, in subscript digits, is the name of a part's curve in the page's charts. ``errors``, the values' standard
    errors, are drawn as a line about the end of each bar, that far up and down.
    """
    ends = figures.signed_colours([-0.8, 0.8], limit=1.0)
    data = {
        "numbers": list(numbers),
        "values": list(values),
        "label": label,
        "part": part,
        "group": group,
        "curve": curve,
        "mark": separators()[0],
        "errors": None if errors is None else list(errors),
        "colours": ["#" + bytes(colour).hex() for colour in ends],
    }
    _BARS(key=key, data=data, height="content")
