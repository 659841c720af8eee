"""The player: pictures of a run as they came, moved through and played in the browser."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from ui.texts import t
from ui.viewer.feeding import pack
from ui.viewer.javascript import script
from vizcore.pictures import figures

COLUMNS = 6
_MOUNT = st.components.v2.component(
    "vizcore_player",
    html="""<div class="player"><canvas role="img"></canvas>
      <div class="bar"><button type="button" style="visibility: hidden"></button>
        <input type="range" min="0" max="0" step="1" value="0" /></div>
      <div class="caption"></div>
      <label class="stretch"><input type="checkbox" /><span></span></label></div>""",
    css=""".player { font-family: var(--st-font, sans-serif); color: var(--st-text-color, inherit); font-size: 0.9rem;
        max-width: min(32rem, max(14rem, 100vh - var(--vz-rest, 24rem))); }
      canvas { display: block; width: 100%; height: auto; aspect-ratio: 1; border-radius: 0.4rem;
        background: var(--st-secondary-background-color, #eee); }
      .bar { display: flex; gap: 0.6rem; align-items: center; margin: 0.4rem 0 0.2rem 0; }
      button { flex: none; width: 2.6rem; height: 2.1rem; border: 1px solid var(--st-border-color, #8888);
        border-radius: 0.4rem; background: transparent; color: inherit; font: inherit; cursor: pointer; }
      button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
      input { flex: 1; min-width: 0; accent-color: var(--st-primary-color, #b33a08); }
      .caption { min-height: 1.4em; font-variant-numeric: tabular-nums; }
      .stretch { display: flex; gap: 0.5rem; align-items: center; min-height: 1.8rem; cursor: pointer; }
      .stretch input { flex: none; }""",
    js=script("packed.js", "player.js"),
)


def sheet(frames: NDArray) -> bytes:
    """Frames (n,h,w,3) of bytes, row by row in one JPEG: noise compresses badly, and a film is there to be watched."""
    buffer = io.BytesIO()
    Image.fromarray(figures.grid(frames, COLUMNS, gap=0)).save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()


def exact(picture: NDArray) -> bytes:
    """One picture (h,w,3) of bytes as it is."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Pictures:
    """The sheet of all frames, and the last of them exactly: as it is, and with its contrast stretched."""

    sheet: bytes
    last: bytes
    stretched: bytes


def player(key: str, film: str, pictures: Pictures, size: tuple[int, int], captions: Sequence[str], label: str) -> None:
    """Show frames of ``size`` (height, width), each with its caption, the last one at first.

    ``film`` tells one film from another: the same one keeps its place when the page is drawn again.
    """
    head = {
        "key": film,
        "height": size[0],
        "width": size[1],
        "columns": COLUMNS,
        "captions": list(captions),
        "label": label,
        "texts": {name: t(f"maximisation.{name}") for name in ("play", "pause", "frame", "stretch", "stretched")},
    }
    _MOUNT(key=key, data=pack(head, vars(pictures)), width="stretch", height="content")
