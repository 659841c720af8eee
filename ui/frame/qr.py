"""The page's address as a code that telephones read, so that the hall can follow."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

import segno
import streamlit as st

from ui.frame import link, navigation
from ui.texts import t


def address(page: str, query: Mapping[str, str] | None = None) -> str:
    """The whole link to what the session shows on ``page``, not presenting, or to ``query`` there.

    Empty where the server's own address is not known.
    """
    here = urlsplit(st.context.url or "")
    if not here.netloc:
        return ""
    folder, _, last = here.path.rpartition("/")  # the app may live under a path of its own
    path = f"{folder if last in navigation.PAGES else here.path.rstrip('/')}/{'' if page == 'overview' else page}"
    if query is None:
        query = {name: value for name, value in link.address(page).items() if name != "present"}
    return urlunsplit((here.scheme, here.netloc, path, urlencode(query), ""))


def code(text: str) -> str:
    """The code of a link, as the address of a picture."""
    return segno.make(text, error="l", micro=False).svg_data_uri(scale=4, border=3, light="#ffffff")


def draw(page: str) -> None:
    """The code, which a key shows."""
    text = address(page)
    with st.container(key="qr"):
        if text and len(text) < 2000:
            st.image(code(text), caption=t("frame.qr"), alt=t("frame.qr"), width="stretch")
