"""Pictures to choose from by sight: a grid of small ones, each a button."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence

import streamlit as st
from PIL import Image, ImageOps

SIDE = 80  # pixels
_SOURCES: dict[str, str] = {}  # by picture; everybody chooses from the same few
_MOUNT = st.components.v2.component(
    "vizcore_thumbnails",
    html='<div class="grid" role="group"></div>',
    css=""".grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(3rem, 1fr)); gap: 0.25rem;
        max-height: 8.4rem; overflow-y: auto; scrollbar-width: thin; padding: 2px; }
      button { padding: 2px; border: 2px solid transparent; border-radius: 0.4rem; background: transparent;
        cursor: pointer; }
      button:hover, button[aria-pressed="true"] { border-color: var(--st-primary-color, #b33a08); }
      button:focus-visible { outline: 3px solid var(--st-primary-color, #b33a08); outline-offset: -1px; }
      img { display: block; width: 100%; aspect-ratio: 1; border-radius: 0.2rem; }""",
    js="""export default function ({ data, parentElement, setTriggerValue }) {
      const grid = parentElement.querySelector(".grid");
      grid.setAttribute("aria-label", data.label);
      while (grid.children.length > data.pictures.length) grid.lastChild.remove();
      data.pictures.forEach(({ id, name, source }, number) => {
        let button = grid.children[number];
        if (!button) {
          button = document.createElement("button");
          button.type = "button";
          button.append(document.createElement("img"));
          grid.append(button);
        }
        const [image] = button.children;
        if (image.getAttribute("src") !== source) image.src = source;
        image.alt = button.title = name;
        button.setAttribute("aria-pressed", String(id === data.chosen));
        button.onclick = () => setTriggerValue("choose", id);
      });
      const chosen = grid.querySelector("[aria-pressed=true]");
      if (chosen && data.chosen !== grid.dataset.chosen) // no other box is to scroll with this one
        grid.scrollTop = Math.max(0, chosen.offsetTop - grid.offsetTop - chosen.offsetHeight);
      grid.dataset.chosen = data.chosen;
    }""",
)


def choose(
    key: str,
    label: str,
    pictures: Sequence[tuple[str, str]],
    chosen: str,
    load: Callable[[str], Image.Image],
    take: Callable[[str], None],
) -> None:
    """Show (id, name) of each picture; ``take`` is called with the id of the one pressed. ``load`` gives a picture."""

    def pressed() -> None:
        wanted = getattr(st.session_state.get(key), "choose", None)
        if wanted in [one for one, _ in pictures]:
            take(str(wanted))

    shown = [{"id": one, "name": name, "source": _source(one, load)} for one, name in pictures]
    data = {"label": label, "pictures": shown, "chosen": chosen}
    _MOUNT(key=key, data=data, on_choose_change=pressed, width="stretch", height="content")


def _source(identifier: str, load: Callable[[str], Image.Image]) -> str:
    if identifier not in _SOURCES:
        small = ImageOps.fit(load(identifier).convert("RGB"), (SIDE, SIDE))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=75)
        _SOURCES[identifier] = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    return _SOURCES[identifier]
