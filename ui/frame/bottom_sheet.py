"""The heading of a page's settings; on a telephone they are a sheet at the lower edge, which it opens and closes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from ui.texts import t

_HEADING = st.components.v2.component(
    "vizcore_bottom_sheet",
    html='<h3></h3><button type="button" aria-expanded="false"><span></span><i aria-hidden="true">▴</i></button>',
    css="""h3 { margin: 0; font: inherit; font-family: var(--st-heading-font, var(--st-font, sans-serif));
        font-weight: 600; color: var(--st-heading-color, var(--st-text-color)); }
      button { display: none; width: 100%; height: 3rem; padding: 0 0.2rem; border: 0; background: transparent;
        font: inherit; font-family: var(--st-font, sans-serif); font-weight: 600; color: var(--st-text-color, inherit);
        cursor: pointer; justify-content: space-between; align-items: center; }
      button[aria-expanded="true"] i { transform: rotate(180deg); }
      @media (max-width: 640px) { h3 { display: none; } button { display: flex; } }""",
    js="""export default function ({ data, parentElement }) {
      const [heading, button] = [parentElement.querySelector("h3"), parentElement.querySelector("button")];
      heading.textContent = button.firstChild.textContent = data.label;
      button.onclick = () => {
        const open = document.documentElement.toggleAttribute("data-vz-bottom-sheet"); // for RULES
        button.setAttribute("aria-expanded", String(open));
        if (open) document.querySelector(".st-key-result")?.scrollIntoView(); // which the sheet would cover
      };
      button.setAttribute("aria-expanded", String(document.documentElement.hasAttribute("data-vz-bottom-sheet")));
    }""",
)
RULES = """@media (max-width: 640px) {
  .st-key-bottom-sheet {position: fixed; left: 0; right: 0; bottom: 0; z-index: 90; padding: 0 .9rem; max-height: 48vh;
    overflow-y: auto; overscroll-behavior: contain; background: var(--st-background-color, Canvas);
    border-top: 1px solid var(--st-border-color, #8886); box-shadow: 0 -2px 12px #0003;}
  .st-key-bottom-sheet > :first-child {position: sticky; top: 0; z-index: 1; background: inherit;}
  html:not([data-vz-bottom-sheet]) .st-key-bottom-sheet > :not(:first-child) {display: none;}
  html[data-vz-bottom-sheet] .st-key-bottom-sheet {padding-bottom: 1rem;}
}"""


@contextmanager
def bottom_sheet() -> Iterator[None]:
    """Draw settings into it; the rules of ``RULES`` lay it out."""
    with st.container(key="settings"), st.container(key="bottom-sheet"):
        _HEADING(key="bottom-sheet-heading", data={"label": t("controls.heading")}, height="content")
        yield
