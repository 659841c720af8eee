"""For a lecture hall: large type, controls tucked away, arrow keys from page to page; and the link to share."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.frame import navigation
from ui.texts import t

_STYLE = """<div class="vz-style"></div><style>
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"], [data-testid="stExpandSidebarButton"],
[data-testid="stHeader"], [data-testid="stColumn"]:has(.st-key-settings) {display: none !important;}
.block-container {max-width: none; padding: 1.2rem 2.5rem 4rem 2.5rem;}
[data-testid="stMarkdownContainer"], .vz-bars, .vz-key {font-size: 1.35rem !important;}
h1 {font-size: 3.2rem !important;}
.st-key-present {position: fixed; bottom: .6rem; right: 1rem; z-index: 1000; width: auto;
  background: var(--st-background-color, Canvas); border-radius: .6rem; padding: .2rem .4rem;}
</style>"""

_KEYS = st.components.v2.component(
    "vizcore_keys",
    js="""export default function ({ data, setTriggerValue }) {
      const listen = (event) => {
        const busy = event.composedPath()[0];
        if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || busy.isContentEditable) return;
        if (["INPUT", "TEXTAREA", "SELECT", "CANVAS"].includes(busy.tagName)) return;
        if (busy.getAttribute?.("role") === "slider") return;
        if (event.key === "ArrowRight" || event.key === "PageDown") setTriggerValue("go", 1);
        else if (event.key === "ArrowLeft" || event.key === "PageUp") setTriggerValue("go", -1);
        else if (event.key === "Escape") setTriggerValue("go", 0);
        else return;
        event.preventDefault();
      };
      window.addEventListener("keydown", listen);
      return () => window.removeEventListener("keydown", listen);
    }""",
)

_COPY = st.components.v2.component(
    "vizcore_copy",
    html='<button type="button" style="visibility: hidden"></button><span role="status" aria-live="polite"></span>',
    css="""button { width: 100%; padding: 0.45rem 0.8rem; border-radius: 0.5rem; background: transparent;
      border: 1px solid var(--st-border-color, #8888); color: var(--st-text-color, inherit); font: inherit; }
    button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
    span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }""",
    js="""export default function ({ data, parentElement }) {
      const button = parentElement.querySelector("button");
      const status = parentElement.querySelector("span");
      button.textContent = data.label;
      button.style.visibility = "visible"; // not before it has a name
      button.onclick = async () => {
        const link = window.location.href;
        try {
          await navigator.clipboard.writeText(link);
        } catch {
          // Without https there is no clipboard to write to; the old way works on a selected text.
          const field = document.createElement("textarea");
          field.value = link;
          document.body.append(field);
          field.select();
          document.execCommand("copy");
          field.remove();
        }
        button.textContent = status.textContent = data.done;
        setTimeout(() => (button.textContent = data.label), 1500);
      };
    }""",
)


def copy_link() -> None:
    """A button that copies the address of the page as it is shown."""
    _COPY(key="copy-link", data={"label": t("frame.copy_link"), "done": t("frame.copied")}, height="content")


def presenting() -> bool:
    """Whether this session shows its pages to a hall."""
    return bool(st.session_state.get("presenting", False))


def begin() -> None:
    """The button that starts the presentation."""
    st.button(t("frame.present"), key="frame.present", on_click=_switch, args=(True,), icon=":material/slideshow:")


def bar(page: str) -> None:
    """Hide the controls, enlarge the type, and lead to the neighbouring pages by buttons and keys."""
    st.html(_STYLE)
    pressed = _KEYS(key="present-keys", data={}, on_go_change=_nothing, height=1)
    with st.container(key="present", horizontal=True):
        back = st.button(t("frame.previous"), key="present.back", icon=":material/arrow_back:")
        forth = st.button(t("frame.next"), key="present.forth", icon=":material/arrow_forward:")
        st.button(t("frame.leave"), key="present.leave", on_click=_switch, args=(False,), icon=":material/close:")
    go = getattr(pressed, "go", None)
    if go == 0:
        _switch(False)
        st.rerun()
    step = 1 if forth or go == 1 else -1 if back or go == -1 else 0
    if step:
        navigation.go(neighbour(list(navigation.PAGES), page, step))


def neighbour(pages: Sequence[str], page: str, step: int) -> str:
    """The page ``step`` places on, round and round."""
    return pages[(pages.index(page) + step) % len(pages)]


def _switch(on: bool) -> None:
    st.session_state["presenting"] = on


def _nothing() -> None:
    """Streamlit returns the value of an event only where a callback is named."""
