"""The pages and the links between them; each link carries what its page will show, as the address bar does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.frame import link, state
from ui.texts import t

PAGES = {  # in the order of the links: name -> (script, icon)
    "overview": ("app.py", ":material/dashboard:"),
    "learn": ("pages/learn.py", ":material/school:"),
    "filters": ("pages/filters.py", ":material/grid_view:"),
    "maximisation": ("pages/maximisation.py", ":material/landscape:"),
    "saliency": ("pages/saliency.py", ":material/flare:"),
    "occlusion": ("pages/occlusion.py", ":material/select:"),
    "lime": ("pages/lime.py", ":material/extension:"),
    "compare": ("pages/compare.py", ":material/compare:"),
    "interventions": ("pages/interventions.py", ":material/tune:"),
    "study": ("pages/study.py", ":material/monitoring:"),
    "network": ("pages/network.py", ":material/upload_file:"),
}

Addresses = Sequence[Mapping[str, str]]
_FRAME = ("network", "picture", "class")  # the order of an address


def links(current: str, place: DeltaGenerator, drawn: Addresses | None = None) -> Addresses:
    """A link to each page in ``place``, instead of what was there before; the addresses that they lead to.

    Where these are those ``drawn`` there before, nothing is sent: the browser draws ten links anew as slowly as a map.
    """
    addresses = [_offered(name) for name in PAGES]
    if addresses == drawn:
        return addresses
    with place.container():
        for name in PAGES:
            title = t(f"{name}.title")
            to(name, f"**{title}**" if name == current else title)
    return addresses


def to(page: str, label: str, more: Mapping[str, str] | None = None) -> None:
    """A link to ``page`` with the choices of now, and ``more`` that it is to take up as from any other link."""
    script, icon = PAGES[page]
    query = _leading(page, {**link.address(page), **more}) if more else _offered(page)
    st.page_link(script, label=label, icon=icon, query_params=query)


def elsewhere(page: str, label: str, query: Mapping[str, str]) -> None:
    """A link to ``page`` as ``query`` has it, whatever is chosen now but for the language and the presentation."""
    script, icon = PAGES[page]
    kept = {name: value for name, value in link.address(page).items() if name in ("lang", "present")}
    st.page_link(script, label=label, icon=icon, query_params=_leading(page, {**query, **kept}))


def go(page: str) -> None:
    """Show ``page`` with the choices of now."""
    st.switch_page(PAGES[page][0], query_params=_offered(page))


def open_link(page: str, more: Mapping[str, str]) -> None:
    """Show ``page`` with the choices of now, and ``more`` that it is to take up as from any other link."""
    asked = {**link.address(page), **more}
    first = {name: asked[name] for name in _FRAME if asked.get(name)}
    query = {**first, **{name: asked[name] for name in asked if name not in _FRAME}}
    st.switch_page(PAGES[page][0], query_params=_leading(page, query))


def _leading(page: str, query: Mapping[str, str]) -> dict[str, str]:
    state.lead(page, query)
    return dict(query)


def _offered(page: str) -> dict[str, str]:
    # With a bare address, the browser would keep that one, too, as a step of its history on which nothing is shown.
    address = link.address(page)
    state.offer(page, address)
    return address
