"""The overview's figures for print: all cards beside each other, and each by itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from ui.frame import printed
from ui.frame.layout import Frame
from ui.maximisation import ascending
from ui.overview import summaries
from ui.texts import t
from ui.viewer import shown
from vizcore.techniques import lime, occlusion, saliency

_PARAMS: dict[str, type] = {
    "saliency": saliency.SmoothGrad,
    "occlusion": occlusion.Occlusion,
    "lime": lime.Lime,
}


def offer(page: Frame) -> None:
    """A closed box with the figures of what has been drawn so far."""
    with st.popover(t("export.title"), icon=":material/download:"):
        printed.offer(figures(page), "overview")


def figures(page: Frame) -> list[printed.Printed]:
    """All of them, the cards together first; nothing is drawn yet."""
    order = [f"glance-{name}" for name, _ in summaries.CARDS]  # they are filled in another one
    found = printed.on_page(t("overview.title"), lambda name: _heading(page, name))
    found.sort(key=lambda one: order.index(one.name))
    if len(found) < 2:
        return found
    every = shown.found()
    draws = [draw for one in found for draw in every[one.name].panels.values()]
    whole = printed.heading(page, None)
    used = ((one.title, _params(page, one.name)) for one in found)
    notes = tuple(f"{title}: {printed.settings(params)}" for title, params in used if params is not None)
    whole = replace(whole, notes=(*notes, *whole.notes))
    title = t("overview.title")
    return [printed.Printed("overview", t("figure.grid_cards"), partial(printed.together, title, whole, draws)), *found]


def _params(page: Frame, name: str) -> Any | None:
    technique = name.removeprefix("glance-")
    if technique == "maximisation":
        return summaries.ascent_settings(ascending.defaults(page))
    return summaries.settings(technique, _PARAMS[technique]) if technique in _PARAMS else None


def _heading(page: Frame, name: str) -> printed.Heading | None:
    return printed.heading(page, _params(page, name)) if name.startswith("glance-") else None
