"""A button that copies a link, so that it can be sent to somebody."""

from __future__ import annotations

import streamlit as st

from ui.texts import t

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
        const link = new URL(data.link || window.location.href, window.location.href).href;
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


def button(key: str, label: str, link: str = "") -> None:
    """A button that copies ``link``, relative to the page; without one the address of the page as it is shown."""
    _COPY(key=key, data={"label": label, "link": link, "done": t("frame.copied")}, height="content")
