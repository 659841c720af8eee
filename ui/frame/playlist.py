"""A lecture prepared beforehand: links in an order, one a line, which a presentation goes through."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

from ui.frame import copying, navigation, state
from ui.texts import quoted, t

MOST = 100  # links
LONGEST = 40_000  # characters of them all
_LINKS, _AT, _TEXT = "vizcore.playlist", "vizcore.playlist.at", "frame.playlist"

Link = tuple[str, dict[str, str]]  # page, and the parameters of its address


def parse(text: str) -> tuple[list[Link], list[str]]:
    """The links of a text, one a line, and the lines that are none; empty lines and those after # say nothing."""
    found: list[Link] = []
    wrong: list[str] = []
    lines = [line.strip() for line in text.splitlines()]
    for line in [one for one in lines if one and not one.startswith("#")][:MOST]:
        try:
            parts = urlsplit(line)
        except ValueError:
            wrong.append(line)
            continue
        name = parts.path.rstrip("/").rpartition("/")[2]
        known = {"": "overview"} | {page: page for page in navigation.PAGES if page != "overview"}
        if name in known and (parts.query or parts.scheme in ("http", "https")):
            found.append((known[name], dict(parse_qsl(parts.query))))
        else:
            wrong.append(line)
    return found, wrong


def choose() -> None:
    """Where the text is pasted; it is kept for the session."""
    with st.popover(t("frame.playlist"), icon=":material/playlist_play:", width="stretch"):
        st.session_state.setdefault(_TEXT, st.session_state.get(f"{_LINKS}.text", ""))
        text = st.text_area(t("frame.playlist_links"), key=_TEXT, max_chars=LONGEST, help=t("frame.playlist_help"))
        found, wrong = parse(text)
        st.session_state[f"{_LINKS}.text"] = text
        if found != st.session_state.get(_LINKS, []):
            st.session_state[_LINKS], st.session_state[_AT] = found, -1
        for line in wrong:
            st.warning(t("frame.playlist_wrong", given=quoted(line)), icon=":material/link_off:")
        if found and len(link := packed(found)) <= state.LONGEST:
            copying.button("copy-playlist", t("frame.playlist_copy"), f"?playlist={link}")
        if found and st.button(t("frame.playlist_start", count=len(found)), key="playlist.start"):
            go(1)


def packed(links: list[Link]) -> str:
    """Links as a text for an address."""
    lines = [f"{'' if page == 'overview' else page}?{urlencode(query) or 'network='}" for page, query in links]
    return base64.urlsafe_b64encode(zlib.compress("\n".join(lines).encode(), 9)).decode().rstrip("=")


def unpacked(text: str) -> str:
    """The text behind :func:`packed`, one link a line; empty where there is none."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return zlib.decompressobj().decompress(data, LONGEST).decode()  # no more, whatever it would unfold to
    except (ValueError, zlib.error):
        return ""


def arrive(query: Mapping[str, str]) -> None:
    """Begin the lecture that a link carries; where it carries none that can be read, say so."""
    if "playlist" not in query:
        return
    text = unpacked(query["playlist"])
    found, _ = parse(text)
    if not found:
        state.choices().complaints.append(t("link.playlist"))
        return
    st.session_state[_LINKS], st.session_state[_AT], st.session_state[f"{_LINKS}.text"] = found, -1, text
    st.session_state.pop(_TEXT, None)
    go(1)


def go(step: int) -> bool:
    """Show the link ``step`` places on, as a presentation; False where there is none."""
    links: list[Link] = st.session_state.get(_LINKS, [])
    at = int(st.session_state.get(_AT, -1)) + step
    if not 0 <= at < len(links):
        return False
    st.session_state[_AT] = at
    page, query = links[at]
    state.present(True)
    st.switch_page(navigation.PAGES[page][0], query_params={**query, "present": "1"})
    return True
