"""What a step shows to guess by, and beside the guess: pictures, maps, bars and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from ui.learn import words
from ui.texts import inert, language, t, table
from ui.viewer import show
from ui.viewer.cards import cards
from vizcore.lessons.truths import Bars, Curve, Exhibit, Map, Picture, Points
from vizcore.pictures import figures, framing

_CARD = 140  # pixels: two beside each other on a telephone, three where there is more room
_HALF = 2


def draw(name: str, exhibits: Sequence[Exhibit], *, passing: bool = False) -> None:
    """The exhibits beside each other, as many as fit; charts below the pictures.

    What is ``passing`` may be drawn over in the same run of the script.
    """
    pictures = [one for one in exhibits if isinstance(one, Picture | Map)]
    if len(pictures) == 1:
        with st.container(key=f"exhibit-{name}"):
            _picture(pictures[0], passing)
    elif pictures:
        with cards(name, len(pictures), _CARD, few=_HALF, most=4):
            for one in pictures:
                with st.container():
                    _picture(one, passing)
    for at, chart in enumerate(exhibits):
        if isinstance(chart, Bars):
            bars(chart, f"{name}-{at}")
        elif isinstance(chart, Curve):
            _curve(chart, f"{name}-{at}")
        elif isinstance(chart, Points):
            _points(chart, f"{name}-{at}")


def caption(title: str, values: Mapping[str, float | str]) -> str:
    """What an exhibit is called: the page's words for it, or its own sign."""
    key = f"learn.show_{title}"
    if key not in table(language()):
        return words.named(title)
    told = {name: words.named(value) if isinstance(value, str) else value for name, value in values.items()}
    return t(key, **told)


def _picture(one: Picture | Map, passing: bool) -> None:
    pixels = figures.picture(one.pixels)
    limit = 1.0
    if isinstance(one, Map):
        limit = figures.robust_limit(one.heat) if one.limit is None else one.limit
        pixels = figures.overlay(one.pixels, one.heat, signed=one.signed, limit=limit)
    array = framing.framed(pixels, [(box.name, box.edges) for box in one.boxes], show.DISPLAY)
    for region in one.regions:
        array = framing.outlined(array, region.mask.numpy(), show.DISPLAY, region.name)
    text = caption(one.title, one.values)
    show.picture(array, box=st if passing else None, alt=text)
    if isinstance(one, Map):
        show.legend(limit, one.signed, t(f"learn.unit_{one.unit}") if one.unit else "")
    st.caption(text)


def bars(one: Bars, key: str) -> None:
    """Named values as bars; shares in percent as everywhere on the pages."""
    title = caption(one.title, {})
    if one.unit == "percent":
        rows = [(words.named(name), value / 100, name == one.highlight) for name, value in one.rows]
        show.bars(title, rows)
        return
    values = [value for _, value in one.rows]
    names = [words.named(name) for name, _ in one.rows]
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.18 * (high - low or 1.0)  # for the numbers at the bars' ends
    span = (low - room * (low < 0), high + room)
    marked = next((at for at, (name, _) in enumerate(one.rows) if name == one.highlight), None)
    unit = t(f"learn.unit_{one.unit}") if one.unit else ""
    st.markdown(f"**{inert(title)}**")
    show.chart(figures.bars(names, values, title=unit, span=span, highlight=marked), f"learn-{key}", title=title)


def _curve(one: Curve, key: str) -> None:
    title = caption(one.title, {})
    curves: dict[str, Sequence[float]] = {caption(name, {}): values for name, values in one.curves}
    if one.level is not None:
        curves[t("learn.show_level")] = [one.level] * len(one.x)
    st.markdown(f"**{inert(title)}**")
    axes = {"x_title": caption(one.x_title, {}), "y_title": caption(one.y_title, {})}
    show.chart(figures.lines(one.x, curves, **axes), f"learn-{key}", title=title)  # type: ignore[arg-type]


def _points(one: Points, key: str) -> None:
    title = caption(one.title, one.values)
    st.markdown(f"**{inert(title)}**")
    titles = (t("learn.show_actual"), t("learn.show_predicted"))
    show.chart(figures.scatter(one.predicted, one.actual, titles=titles), f"learn-{key}", title=title)
