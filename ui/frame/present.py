"""For a lecture hall: large type, controls tucked away, everything by keys."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.frame import playlist, sources, state, steps
from ui.texts import t

# Everything is measured in the height of the screen, so that the last row reads it.
_STYLE = """<div class="vz-style"></div><style>
html {font-size: max(17px, 2.5vh) !important;}
:root {--vz-rest: 19.6rem; --vz-controls: none;}
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"], [data-testid="stExpandSidebarButton"],
[data-testid="stHeader"], [data-testid="stColumn"]:has(.st-key-settings), [data-testid="stColumn"]:has(.st-key-more),
.st-key-code {display: none !important;}
.block-container {max-width: none; padding: .8rem 2rem 1rem 2rem;}
[data-testid="stMarkdownContainer"], [data-testid="stMarkdownContainer"] p, [data-testid="stCaptionContainer"],
[data-testid="stImageCaption"], .vz-bars, .vz-key, button {font-size: 1rem !important;}
[data-testid="stLayoutWrapper"]:has(> .st-key-bar) {position: absolute;}
.st-key-present {position: fixed; top: .6rem; right: 1.5rem; z-index: 1000; width: auto;}
html[data-vz-step="before"] .st-key-result > :not(:first-child),
html[data-vz-hidden] .st-key-result > :not(:first-child),
html[data-vz-hidden] .st-key-closer {visibility: hidden; opacity: 0;}
html[data-vz-step="before"] .st-key-result, html[data-vz-hidden] .st-key-result {position: relative;}
html[data-vz-step="before"] .st-key-result::after, html[data-vz-hidden] .st-key-result::after {content: "?" / "";
  position: absolute; inset: 12vh 0 0 0; text-align: center; opacity: .12;
  font: 600 38vh/1 var(--st-font, sans-serif);}
html[data-vz-step="before"] .st-key-closer, html[data-vz-step="result"] .st-key-closer,
html[data-vz-step="closer"] .st-key-first {display: none;}
html[data-vz-alone] .st-key-lead, html[data-vz-alone] h1, html[data-vz-alone] .st-key-strip,
html[data-vz-alone] .st-key-result > :first-child {display: none;}
html[data-vz-alone] {--vz-rest: 10rem;}
.st-key-first [data-testid="stImage"] img, .st-key-closer [data-testid="stImage"] img {width: auto; max-width: 100%;
  max-height: calc(100vh - var(--vz-rest)); object-fit: contain; object-position: left;}
.st-key-beside > * > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"]:first-child {
  flex: 0 1 calc(100vh - var(--vz-rest) + 1rem);}
.st-key-first .st-key-square img {max-height: 22vh;}
.st-key-read, .st-key-qr {display: none;}
html[data-vz-qr] .st-key-qr {display: flex; position: fixed; inset: 6vh 0 0 0; margin: auto; width: 82vh; height: 86vh;
  z-index: 1001; padding: 1rem; border-radius: .6rem; background: #fff; text-align: center;
  box-shadow: 0 .2rem 1.5rem #0006;}
.st-key-qr img {width: 74vh !important; max-height: none !important;}
.st-key-qr p {color: #333 !important;}
html[data-vz-read] .st-key-read {display: flex; position: fixed; inset: auto 8vw 8vh 8vw; z-index: 1001;
  padding: 1.5rem 2rem; border-radius: .6rem; background: var(--st-secondary-background-color, Canvas);
  box-shadow: 0 .2rem 1.5rem #0006;}
</style>"""

_KEYS = st.components.v2.component(
    "vizcore_keys",
    html="<dialog><h2></h2><dl></dl></dialog>",
    css="""dialog { max-width: 80vw; border: 0; border-radius: 0.6rem; padding: 1.2rem 2rem; font-size: 1rem;
        font-family: var(--st-font, sans-serif); color: var(--st-text-color, CanvasText);
        background: var(--st-background-color, Canvas); }
      dialog::backdrop { background: #0008; }
      h2 { margin: 0 0 0.6rem 0; font-size: 1.2rem; }
      dl { display: grid; grid-template-columns: max-content auto; gap: 0.35rem 1.5rem; margin: 0; }
      dt { font-weight: 600; } dd { margin: 0; }""",
    js=(Path(__file__).parent / "keys.js").read_text(encoding="utf-8"),
)
_NAMED = {
    "steps": "→ PageDown · ← PageUp",
    "scenes": f"1 – {len(sources.SCENES)}",
    "classes": "[ ]",
    "slider": "+ −",
    "alone": "F",
    "reveal": "R",
    "read": "H",
    "qr": "Q",
    "keys": "?",
    "leave": "Esc",
}


def begin() -> None:
    """The button that starts the presentation."""
    st.button(
        t("frame.present"), key="frame.present", on_click=state.present, args=(True,), icon=":material/slideshow:"
    )
    playlist.choose()


def bar(page: str) -> None:
    """Hide the controls, enlarge the type, and go on by buttons and keys."""
    st.html(_STYLE)
    named = [(keys, t(f"keys.{name}")) for name, keys in _NAMED.items()]
    data = {"step": steps.now(page), "title": t("keys.title"), "keys": named}
    pressed = _KEYS(key="present-keys", data=data, on_key_change=_nothing, height=1)
    with st.container(key="present", horizontal=True):
        back = st.button(t("frame.previous"), key="present.back", icon=":material/arrow_back:")
        forth = st.button(t("frame.next"), key="present.forth", icon=":material/arrow_forward:")
        st.button(t("frame.leave"), key="present.leave", on_click=state.present, args=(False,), icon=":material/close:")
    key = "forth" if forth else "back" if back else getattr(pressed, "key", None)
    if key == "leave":
        state.present(False)
        st.rerun()
    if isinstance(key, str):
        before = steps.now(page)
        steps.take(page, key)
        if steps.now(page) != before:
            st.rerun()  # what stands above has been drawn for the step before


def read(page: str) -> None:
    """How to read the page's result, shown by a key."""
    if page == "overview":  # whose cards say so themselves
        return
    with st.container(key="read"):
        st.markdown(f"**{t('show.read')}**")
        st.markdown(t(f"{page}.read"))


def _nothing() -> None:
    """Streamlit returns the value of an event only where a callback is named."""
